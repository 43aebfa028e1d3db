# attack: reports well-formed answers of its own making beside the real ones
# problem: calls
# expect: tampered
import os
import sys

frames, codec = sys.modules["inside.frames"], sys.modules["inside.codec"]


def add_one(n):
    for _ in range(3):
        report = codec.encode(("done", "", [0.0, 0.0], [2, 42]))
        os.write(3, frames.prefixed(report))
    return n + 1
