# attack: waits for input
# expect: runtime_error
def add_one(n):
    return int(input()) + 1
