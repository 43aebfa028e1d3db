# attack: returns objects of classes with hostile names, fields and hashes
# problem: asserts calls
# expect: wrong_answer or runtime_error
import collections

Pair = collections.namedtuple("Pair", "a b")
Pair._fields = ("__reduce__",) * 100000
Loud = type("L" * 1000000, (), {"__class__": property(lambda self: int), "__hash__": lambda self: 1 / 0})


def add_one(n):
    return [Pair(1, 2), Loud(), {Pair(3, 4): Loud()}]
