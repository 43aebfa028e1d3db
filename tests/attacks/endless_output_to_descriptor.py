# attack: writes without end to the standard error descriptor itself
# expect: timeout
# limits: cpu_time_s=0.3 wall_time_s=2
import os


def add_one(n):
    while True:
        os.write(2, b"x" * 65536)
