# attack: reports a verdict whose detail is no text
# problem: asserts calls
# expect: tampered
import json
import os
import sys


def record(kind, data):
    data = kind + len(data).to_bytes(4, "big") + data
    while data:
        data = data[os.write(3, data) :]


def token():
    frame = sys._getframe()
    while frame is not None:
        if isinstance(frame.f_locals.get("token"), str):
            return frame.f_locals["token"]
        frame = frame.f_back


def add_one(n):
    record(b"J", json.dumps([token(), "wrong_answer", {"a": [1]}, []]).encode())
    os._exit(0)
