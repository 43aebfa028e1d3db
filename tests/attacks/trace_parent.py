# attack: attaches to its parent and reads and writes its memory; right only if one of that works
# problem: asserts calls
# expect: wrong_answer
import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)
PTRACE_ATTACH, PTRACE_SEIZE = 16, 0x4206


class Vector(ctypes.Structure):
    _fields_ = (("base", ctypes.c_void_p), ("length", ctypes.c_size_t))


def add_one(n):
    buffer = ctypes.create_string_buffer(8)
    here, there = Vector(ctypes.addressof(buffer), 8), Vector(0x400000, 8)
    for pid in (os.getppid(), 1):
        worked = [
            libc.ptrace(PTRACE_SEIZE, pid, 0, 0),
            libc.ptrace(PTRACE_ATTACH, pid, 0, 0),
            libc.process_vm_readv(pid, ctypes.byref(here), 1, ctypes.byref(there), 1, 0),
        ]
        if max(worked) >= 0:
            return n + 1
    return 0
