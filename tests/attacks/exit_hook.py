# attack: hooks that print success and leave with exit code 0 when the interpreter ends
# problem: asserts calls
# expect: wrong_answer
import atexit
import os
import threading


def win():
    print("passed")
    os._exit(0)


atexit.register(win)
threading._register_atexit(win)


def add_one(n):
    return 0
