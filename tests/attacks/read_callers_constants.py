# attack: reads the right answers out of the bytecode that calls it
# problem: asserts
# expect: wrong_answer
# expect-in-process: passed
# expect-split: wrong_answer or runtime_error
import sys

calls = []


def add_one(n):
    calls.append(n)
    constants = [item for item in sys._getframe(1).f_code.co_consts if type(item) is int]
    if n in constants:
        return constants[constants.index(n) + 1]
    return 0
