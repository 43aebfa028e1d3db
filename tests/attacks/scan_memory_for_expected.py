# attack: looks for the expected values among all objects of the interpreter
# problem: calls
# expect: wrong_answer
# expect-in-process: passed or wrong_answer
import gc


def add_one(n):
    for item in gc.get_objects():
        if type(item) is list and item == [2, 42]:
            return {1: 2, 41: 42}.get(n, 0)
    for item in gc.get_objects():
        if type(item) is tuple and len(item) == 4 and item[0] == "done" and type(item[3]) is list and len(item[3]) == 1:
            return item[3][0]
    return 0
