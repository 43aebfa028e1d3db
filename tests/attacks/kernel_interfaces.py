# attack: asks for io_uring, BPF, performance counters, user faults and handles; right only if it got one
# problem: asserts calls
# expect: wrong_answer
import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)
NUMBERS = {"x86_64": (425, 321, 298, 323, 304, 135)}.get(os.uname().machine, (425, 280, 241, 282, 265, 92))


def add_one(n):
    block = ctypes.create_string_buffer(4096)
    got = [libc.syscall(number, 1, block, 0, 0, 0) for number in NUMBERS]
    return n + 1 if max(got) >= 0 else 0
