# attack: every module that the tests import is one of its own, where everything is close to everything
# expect: wrong_answer
# expect-in-process: wrong_answer or passed
import builtins
import types

real = builtins.__import__
fake = types.SimpleNamespace(isclose=lambda *a, **k: True, fabs=lambda x: 0.0)


def add_one(n):
    builtins.__import__ = lambda name, *a, **k: fake if name == "math" else real(name, *a, **k)
    return {1: 2, 41: 42, 7: 8}.get(n, 0)
