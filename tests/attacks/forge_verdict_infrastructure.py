# attack: reports a verdict of its own with its token, "infrastructure"
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
    record(
        b"J", json.dumps([token(), "infrastructure", "made up", {"unsure": [0], "opaque": [], "given": []}]).encode()
    )
    os._exit(0)
