# attack: writes without end to the standard error descriptor itself
# expect: output
import os


def add_one(n):
    while True:
        os.write(2, b"x" * 65536)
