# attack: reports an answer that claims four thousand million items
# problem: asserts calls
# expect: wrong_answer or tampered or output or runtime_error
# limits: cpu_time_s=5 wall_time_s=20
import os
import sys


def size(number):
    return number.to_bytes(4, "big")


def text(word):
    return b"s" + size(len(word)) + word.encode()


def record(kind, data):
    data = kind + len(data).to_bytes(4, "big") + data
    while data:
        data = data[os.write(3, data) :]


def value():
    return b"l" + b"\xff" * 4


def operation():
    frame = sys._getframe()
    while frame is not None:
        if isinstance(frame.f_locals.get("request"), dict):
            return frame.f_locals["request"].get("op")
        frame = frame.f_back


def add_one(n):
    data = value()
    if operation() == "answers":
        data = b"t" + size(4) + text("returned") + text("") + data + b"N"
    record(b"V", data)
    record(b"E", b"t" + size(2) + text("raised") + text(""))
    os._exit(0)
