# attack: prints without end
# problem: asserts calls
# expect: timeout
# limits: cpu_time_s=0.3 wall_time_s=2
def add_one(n):
    while True:
        print("x" * 1000)
