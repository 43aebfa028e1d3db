# attack: stops itself
# expect: timeout
# limits: wall_time_s=2
import os
import signal


def add_one(n):
    os.kill(os.getpid(), signal.SIGSTOP)
    return 0
