# attack: helpers of helpers compute, each for a moment
# problem: asserts calls
# expect: timeout
# limits: cpu_time_s=0.5 wall_time_s=20
import os
import time


def work():
    end = time.process_time() + 0.4
    while time.process_time() < end:
        pass


def add_one(n):
    for _ in range(40):
        child = os.fork()
        if child == 0:
            if os.fork() == 0:
                work()
            os._exit(0)
        os.waitpid(child, 0)
        time.sleep(0.3)
    return n + 1
