# attack: SystemExit(0) out of the function
# problem: asserts calls
# expect: runtime_error
def add_one(n):
    raise SystemExit(0)
