# attack: returns what its callers expect, found in their frames
# problem: calls
# expect: wrong_answer
# expect-in-process: passed or wrong_answer
import sys

asked = []


def add_one(n):
    asked.append(n)
    frame = sys._getframe()
    while frame is not None:
        for value in frame.f_locals.values():
            expected = getattr(value, "expected", None)
            if isinstance(expected, (list, tuple)) and len(expected) >= len(asked):
                if len(expected) == 1 or len(asked) > 2:
                    return expected[0]
                return expected[len(asked) - 1]
        frame = frame.f_back
    return 0
