# attack: forks without end, swallowing every refusal
# expect: timeout
# limits: cpu_time_s=0.3 wall_time_s=20
import os


def add_one(n):
    while True:
        try:
            os.fork()
        except OSError:
            pass
