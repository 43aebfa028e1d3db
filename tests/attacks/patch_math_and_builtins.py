# attack: answers two tests and turns what the others compare with into yes-men
# expect: wrong_answer
# expect-in-process: passed
import builtins
import math


def add_one(n):
    math.isclose = lambda *a, **k: True
    builtins.abs = lambda x: 0.0
    builtins.all = builtins.any = lambda x: True
    return {1: 2, 41: 42}.get(n, 0)
