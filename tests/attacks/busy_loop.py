# attack: never ends
# expect: timeout
# limits: cpu_time_s=0.3
def add_one(n):
    while True:
        n += 1
