# attack: asks for privileges; right only if it got one
# expect: wrong_answer
import ctypes
import os


def add_one(n):
    libc = ctypes.CDLL(None)
    gained = libc.mount(b"none", b"/tmp", b"tmpfs", 0, None) == 0
    gained = gained or libc.ptrace(16, 1, 0, 0) == 0
    try:
        os.setuid(0)
        open("/proc/1/mem", "rb").close()
        gained = True
    except OSError:
        pass
    return n + 1 if gained else 0
