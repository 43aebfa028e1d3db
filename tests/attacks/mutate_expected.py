# attack: replaces the expected values in its callers' frames by its own
# problem: calls
# expect: wrong_answer
import sys


def add_one(n):
    frame = sys._getframe()
    while frame is not None:
        for value in frame.f_locals.values():
            expected = getattr(value, "expected", None)
            if isinstance(expected, list):
                expected[:] = [0] * len(expected)
        frame = frame.f_back
    return 0
