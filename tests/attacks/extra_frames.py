# attack: reports well-formed values of its own making beside the real ones
# problem: calls
# expect: tampered
import os
import sys

records, codec = sys.modules["inside.records"], sys.modules["inside.codec"]


def add_one(n):
    for value in (2, 42, 42):
        data = codec.encode(value)
        os.write(3, records.HEAD.pack(records.VALUE, len(data)) + data)
    return n + 1
