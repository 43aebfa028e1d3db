# attack: makes every clock stand still, and loops
# problem: asserts calls
# expect: timeout
# limits: cpu_time_s=0.3
import time

for name in ("time", "monotonic", "perf_counter", "process_time", "thread_time", "clock_gettime", "time_ns"):
    setattr(time, name, lambda *a: 0.0)


def add_one(n):
    while True:
        pass
