# attack: leaves with exit code 0 before the tests have ended
# problem: asserts calls
# expect: runtime_error
import os


def add_one(n):
    os._exit(0)
