# attack: leaves a message, a semaphore and shared memory that outlive it; right only if one was made
# problem: asserts calls
# expect: wrong_answer
import ctypes
import errno

libc = ctypes.CDLL(None, use_errno=True)


def add_one(n):
    made = [libc.msgget(77, 0o1666), libc.semget(77, 1, 0o1666), libc.shmget(77, 4096, 0o1666)]
    queue = libc.syscall({"x86_64": 240}.get(__import__("os").uname().machine, 180), b"left", 0o102, 0o666, None)
    return n + 1 if max(*made, queue) >= 0 else 0
