# attack: returns an object that equals everything, is close to everything, is everything
# problem: asserts calls
# expect: wrong_answer
# expect-in-process: passed
class Yes:
    def __eq__(self, other):
        return True

    def __ne__(self, other):
        return False

    def __sub__(self, other):
        return 0

    __rsub__ = __lt__ = __le__ = __gt__ = __ge__ = __eq__

    def __float__(self):
        return 10.0

    def __hash__(self):
        return 0


def add_one(n):
    return Yes()
