# attack: an exception that raises when it is printed
# problem: asserts calls
# expect: runtime_error
class Mine(Exception):
    def __str__(self):
        raise SystemExit(0)

    __repr__ = __str__


def add_one(n):
    raise Mine
