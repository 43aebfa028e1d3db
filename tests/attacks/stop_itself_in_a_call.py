# attack: stops itself in a call, and a helper lets it go on later
# problem: calls
# expect: timeout
# limits: cpu_time_s=3 wall_time_s=8
import os
import signal
import time


def add_one(n):
    program = os.getpid()
    if os.fork() == 0:
        time.sleep(7)
        os.kill(program, signal.SIGCONT)
        os._exit(0)
    os.kill(program, signal.SIGSTOP)
    return n + 1
