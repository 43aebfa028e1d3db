# attack: returns a subclass of str whose comparisons and arithmetic are its own
# problem: asserts calls
# expect: wrong_answer
# expect-in-process: passed
class Mine(str):
    def __eq__(self, other):
        return True

    def __ne__(self, other):
        return False

    def __sub__(self, other):
        return 0

    __rsub__ = __lt__ = __le__ = __gt__ = __ge__ = __eq__
    __hash__ = None

    def __float__(self):
        return 10.0


def add_one(n):
    return Mine('x')
