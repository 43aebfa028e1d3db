# attack: puts success into every list of its callers' frames
# problem: asserts calls
# expect: wrong_answer
# expect-split: wrong_answer or tampered or runtime_error
# expect-calls-in-process: wrong_answer or runtime_error
import sys


def add_one(n):
    frame = sys._getframe().f_back
    while frame is not None:
        for value in frame.f_locals.values():
            if type(value) is list and not value:
                value += ["passed"]
        frame = frame.f_back
    return 0
