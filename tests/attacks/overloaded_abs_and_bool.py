# attack: an object whose absolute difference is small and whose every comparison is an object that is true
# problem: asserts calls
# expect: wrong_answer
# expect-in-process: passed
class Small:
    def __abs__(self):
        return self

    def __bool__(self):
        return True

    def __sub__(self, other):
        return self

    def __float__(self):
        return 10.0

    def __lt__(self, other):
        return self

    __rsub__ = __sub__
    __eq__ = __le__ = __lt__
    __hash__ = None


def add_one(n):
    return Small()
