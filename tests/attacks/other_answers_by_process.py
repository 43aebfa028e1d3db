# attack: answers by its process, so that no two runs agree
# problem: asserts calls
# expect: wrong_answer
import os


def add_one(n):
    return n + os.getpid()
