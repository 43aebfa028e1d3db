# attack: reports its answers before it is asked, in another order, and leaves
# problem: calls
# expect: wrong_answer or tampered
# expect-in-process: tampered
import os
import sys

frames, codec = sys.modules["inside.frames"], sys.modules["inside.codec"]


def add_one(n):
    for values in ([8.5], [2, 42]):
        os.write(3, frames.prefix_length(codec.encode(("done", "", [0.0] * len(values), values))))
    os._exit(0)
