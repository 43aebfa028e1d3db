# attack: honest, and talks a lot
# problem: asserts calls
# expect: passed
import sys


def add_one(n):
    print("x" * 100000)
    print("working", file=sys.stderr)
    return n + 1
