# attack: makes a failed assertion another kind of error
# problem: asserts calls
# expect: wrong_answer
# expect-in-process: wrong_answer or runtime_error
import builtins


class Fine(SystemExit):
    pass


builtins.AssertionError = Fine


def add_one(n):
    return 0
