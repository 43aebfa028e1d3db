# attack: recursion without end under a raised limit
# expect: memory or runtime_error
# limits: memory_bytes=100000000 cpu_time_s=10 wall_time_s=30
import sys

sys.setrecursionlimit(1 << 30)


def add_one(n):
    return [add_one(n)][0]
