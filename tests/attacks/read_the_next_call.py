# attack: reads whatever is handed to it, for the calls that were not asked yet
# problem: asserts calls
# expect: wrong_answer or runtime_error or tampered or timeout
# limits: cpu_time_s=1 wall_time_s=3
import os


def add_one(n):
    os.set_blocking(4, False)
    try:
        read = os.read(4, 1 << 20)
    except OSError:
        read = b""
    return read or -1
