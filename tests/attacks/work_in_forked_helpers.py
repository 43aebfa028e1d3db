# attack: helpers compute for a call, and nobody waits for them, so that their time is not added to the program's
# problem: asserts calls
# expect: timeout
# limits: cpu_time_s=0.5 wall_time_s=20
import os
import signal
import time

signal.signal(signal.SIGCHLD, signal.SIG_IGN)


def add_one(n):
    for _ in range(2):
        if os.fork() == 0:
            os.setsid()
            while True:
                pass
    time.sleep(8)
    return n + 1
