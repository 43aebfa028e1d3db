# attack: asks for namespaces of its own by every call that makes some; right only if it got one
# problem: asserts calls
# expect: wrong_answer
import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)
NEW = (0x00020000, 0x02000000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000)
CLONE = {"x86_64": 56}.get(os.uname().machine, 220)


def add_one(n):
    got = any(libc.unshare(flag) == 0 for flag in NEW)
    for flag in NEW:
        pid = libc.syscall(CLONE, ctypes.c_long(flag | 17), None, None, None, None)
        if pid == 0:
            os._exit(0)
        got = got or pid > 0
    return n + 1 if got else 0
