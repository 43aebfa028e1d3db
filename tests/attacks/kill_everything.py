# attack: SIGKILL to every process it may signal, itself included
# problem: asserts calls
# expect: runtime_error
import os
import signal


def add_one(n):
    os.kill(-1, signal.SIGKILL)
    os.kill(os.getpid(), signal.SIGKILL)
    return n + 1
