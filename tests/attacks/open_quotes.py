# attack: ends inside a string, so that what follows is part of it
# problem: asserts calls
# expect: syntax_error
def add_one(n):
    return 0


'''
