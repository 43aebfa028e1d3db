# attack: returns a number of a million digits
# problem: asserts calls
# expect: wrong_answer
def add_one(n):
    return 1 << 3000000
