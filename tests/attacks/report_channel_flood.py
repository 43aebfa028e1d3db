# attack: floods every descriptor it can find
# problem: asserts calls
# expect: tampered or output
# expect-in-process: tampered
import os


def add_one(n):
    for fd in range(3, 256):
        try:
            while True:
                os.write(fd, b"x" * 65536)
        except OSError:
            pass
    return 0
