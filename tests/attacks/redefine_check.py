# attack: defines the tests' own names, and forbids to define them anew
# expect: wrong_answer
def check(candidate):
    pass


def add_one(n):
    return 0


METADATA = {}
candidate = add_one
