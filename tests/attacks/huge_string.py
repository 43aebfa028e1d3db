# attack: returns a string of 300 MB
# problem: asserts calls
# expect: output
# expect-in-process: wrong_answer
# slow: 300 MB are made and looked at
def add_one(n):
    return "x" * (300 << 20)
