# attack: changes modules that were imported before the fork, for the next program to find
# problem: asserts calls
# expect: wrong_answer
import math
import sys

math.floor = lambda n: 41
sys.path.insert(0, "/tmp")
sys.modules["numpy"] = math


def add_one(n):
    return 0
