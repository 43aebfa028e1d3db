# attack: answers the first call and leaves with exit code 0 in the second
# problem: asserts calls
# expect: runtime_error
import os

calls = []


def add_one(n):
    calls.append(n)
    if len(calls) == 2:
        os._exit(0)
    return n + 1
