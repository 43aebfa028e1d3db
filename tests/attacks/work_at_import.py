# attack: spends its time while it is imported
# problem: asserts calls
# expect: timeout
# limits: cpu_time_s=0.3
import time

while time.process_time() < 30:
    pass


def add_one(n):
    return n + 1
