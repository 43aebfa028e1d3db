# attack: returns a string of 150 MB
# problem: asserts calls
# expect: output
# expect-calls: wrong_answer
# expect-in-process: wrong_answer
# slow: 150 MB are made and looked at
def add_one(n):
    return "x" * (150 << 20)
