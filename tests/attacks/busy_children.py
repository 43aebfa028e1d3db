# attack: four children that never end, while the program itself sleeps
# expect: timeout
# limits: cpu_time_s=0.3 wall_time_s=20
import os
import time


def add_one(n):
    for _ in range(4):
        if os.fork() == 0:
            while True:
                pass
    time.sleep(60)
