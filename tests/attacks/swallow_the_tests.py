# attack: returns from the module and comments out what follows
# expect: wrong_answer
# expect-in-process: wrong_answer or syntax_error or passed
# expect-split: wrong_answer or syntax_error
def add_one(n):
    return 0


if False: \
