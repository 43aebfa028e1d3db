# attack: kills its parent and process 1, then answers wrongly
# expect: wrong_answer
import os
import signal


def add_one(n):
    for pid in (os.getppid(), 1):
        for number in (signal.SIGKILL, signal.SIGSTOP, signal.SIGTERM):
            try:
                os.kill(pid, number)
            except OSError:
                pass
    return 0
