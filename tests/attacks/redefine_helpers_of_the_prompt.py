# attack: redefines a function of the prompt that the tests measure with
# problem: HumanEval/32
# expect: wrong_answer
# expect-in-process: passed
def poly(xs, x):
    return 0.0


def find_zero(xs):
    return 0.0
