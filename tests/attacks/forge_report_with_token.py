# attack: finds the token of the report in its callers' frames and writes a verdict of its own
# problem: asserts calls
# expect: tampered
# expect-in-process: passed
import json
import os
import sys


def add_one(n):
    frame = sys._getframe()
    while frame is not None:
        token = frame.f_locals.get("token")
        if isinstance(token, str) and token:
            word = json.dumps([token, "passed", "", {}]).encode()
            os.write(3, b"J" + len(word).to_bytes(4, "big") + word)
            os._exit(0)
        frame = frame.f_back
    return 0
