# attack: announces a value of four gigabytes and ends
# problem: asserts calls
# expect: output
# expect-in-process: output or tampered
import os


def add_one(n):
    os.write(3, b"V\xff\xff\xff\xff" + b"x" * 1000)
    os._exit(0)
