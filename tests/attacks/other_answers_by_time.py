# attack: answers by the time, so that no two runs agree
# problem: asserts calls
# expect: wrong_answer
import time


def add_one(n):
    return n + time.monotonic_ns()
