# attack: computes 3 % of the time, so that it looks like a program that waits for a CPU
# problem: asserts calls
# expect: timeout
# limits: cpu_time_s=3 wall_time_s=3
import time


def add_one(n):
    while True:
        start = time.process_time()
        while time.process_time() - start < 0.003:
            pass
        time.sleep(0.1)
