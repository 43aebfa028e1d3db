# attack: forks without end, swallowing every refusal
# expect: timeout
# limits: cpu_time_s=1 wall_time_s=3
import os


def add_one(n):
    while True:
        try:
            os.fork()
        except OSError:
            pass
