# attack: sleeps, using no CPU time
# expect: timeout
# limits: wall_time_s=2
import time


def add_one(n):
    time.sleep(3600)
