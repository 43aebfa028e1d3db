# attack: a thread of the first call's computes while the calls after it return at once
# problem: calls
# expect: timeout
# limits: cpu_time_s=1.5
import threading
import time


def work():
    while True:
        pass


def add_one(n):
    if n == 1:
        threading.Thread(target=work, daemon=True).start()
    else:
        time.sleep(3)
    return n + 1
