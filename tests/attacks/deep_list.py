# attack: returns a list nested 100000 deep
# problem: asserts calls
# expect: wrong_answer or output
# expect-in-process: wrong_answer or runtime_error
def add_one(n):
    value = []
    for _ in range(100000):
        value = [value]
    return value
