# attack: keeps a secret in the kernel's keyring for the next program; right only if that is possible
# problem: asserts calls
# expect: wrong_answer
import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)
ADD_KEY, KEYCTL = {"x86_64": (248, 250)}.get(os.uname().machine, (217, 219))


def add_one(n):
    key = libc.syscall(ADD_KEY, b"user", b"left", b"here", ctypes.c_size_t(4), ctypes.c_int(-4))
    joined = libc.syscall(KEYCTL, 1, None)
    return n + 1 if key >= 0 or joined >= 0 else 0
