# attack: reports an end of a megabyte
# problem: calls
# expect: tampered
import os

ANSWER = b"i" + (2).to_bytes(8, "big")
END = b"t\0\0\0\2" + b"s\0\0\0\4done" + b"s\0\0\0\0"


def record(kind, data):
    data = kind + len(data).to_bytes(4, "big") + data
    while data:
        data = data[os.write(3, data) :]


def add_one(n):
    record(b"E", END.ljust(1 << 20, b"x"))
    os._exit(0)
