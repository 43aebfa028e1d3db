# attack: hides memory in anonymous files; right only if it got some
# problem: asserts calls
# expect: wrong_answer
import os


def add_one(n):
    try:
        descriptors = [os.memfd_create(str(number)) for number in range(8)]
    except OSError:
        return 0
    for descriptor in descriptors:
        os.write(descriptor, bytes(8 << 20))
    return n + 1
