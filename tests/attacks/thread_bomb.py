# attack: starts threads without end, swallowing every refusal
# problem: asserts
# expect: timeout or memory or runtime_error
# limits: cpu_time_s=0.3 wall_time_s=2
import threading
import time


def add_one(n):
    while True:
        try:
            threading.Thread(target=time.sleep, args=(100,), daemon=True).start()
        except (RuntimeError, MemoryError):
            pass
