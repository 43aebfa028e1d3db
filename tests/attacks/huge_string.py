# attack: returns a string of 80 MB
# problem: asserts calls
# expect: output
# expect-calls: wrong_answer or timeout
# expect-in-process: wrong_answer
# slow: 80 MB are made and looked at
def add_one(n):
    return "x" * (80 << 20)
