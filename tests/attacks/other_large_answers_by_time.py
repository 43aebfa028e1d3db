# attack: answers what is too large to be carried as it is, and another such thing when it is run again
# problem: calls
# expect: wrong_answer
import time


def add_one(n):
    return [time.monotonic_ns()] * 100_000
