# attack: closes the channel its answers go by and puts another in its place
# problem: asserts calls
# expect: runtime_error
import os

os.close(3)
os.open("/dev/null", os.O_WRONLY)


def add_one(n):
    return n + 1
