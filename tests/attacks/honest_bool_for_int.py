# attack: honest to its types: a float where an int is expected
# problem: asserts calls
# expect: passed
def add_one(n):
    return float(n + 1)
