# attack: returns a list that is its own item
# problem: asserts calls
# expect: wrong_answer or output
# expect-in-process: wrong_answer or runtime_error
def add_one(n):
    value = [n]
    value.append(value)
    return value
