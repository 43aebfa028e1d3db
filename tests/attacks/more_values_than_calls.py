# attack: reports a million values to three calls
# problem: asserts calls
# expect: tampered
import os


def record(kind, data):
    data = kind + len(data).to_bytes(4, "big") + data
    while data:
        data = data[os.write(3, data) :]


def add_one(n):
    for _ in range(1000):
        record(b"V", b"")
    os.write(3, b"V\0\0\0\0" * 100000)
    os._exit(0)
