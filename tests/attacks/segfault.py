# attack: reads address 0
# problem: asserts calls
# expect: runtime_error
import ctypes


def add_one(n):
    return ctypes.string_at(0)
