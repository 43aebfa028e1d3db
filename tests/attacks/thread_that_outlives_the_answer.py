# attack: a thread writes to every descriptor after the function has answered
# problem: asserts calls
# expect: wrong_answer or tampered
import os
import threading
import time


def later():
    while True:
        time.sleep(0.001)
        for fd in range(3, 10):
            try:
                os.write(fd, b'["", "passed", ""]')
            except OSError:
                pass


def add_one(n):
    threading.Thread(target=later, daemon=True).start()
    time.sleep(0.05)
    return 0
