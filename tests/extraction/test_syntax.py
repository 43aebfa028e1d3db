"""Programs are read without being run."""

from __future__ import annotations

import ast

import pytest

from harness.extraction.syntax import implements, parse_python, parse_shallow

F = "def f(n):\n    return n"


@pytest.mark.parametrize(
    ("code", "real"),
    [
        (F, True),
        ("def f(n): return n", True),
        ("async def f(n):\n    await n", True),
        ("f = max", True),
        ("f: object = lambda n: n", True),
        ("class f:\n    x = 1", True),
        ("try:\n    def f(n):\n        return n\nexcept ValueError:\n    pass", True),
        ("def f(n):\n    pass\ndef f(n):\n    return n", True),
        ("def f(n):\n    return n\ndef f(n):\n    pass", False),
        ("def f(n): ...", False),
        ('def f(n):\n    """Say."""', False),
        ('def f(n):\n    """Say."""\n    pass', False),
        ("def f(n):\n    raise NotImplementedError", False),
        ("def f(n):\n    raise NotImplementedError('later')", False),
        ("f = None", False),
        ("f: object", False),
        ("from solution import f", False),
        ("class A:\n    def f(self):\n        return 1", False),
        ("def ff(n):\n    return n", False),
        ("f(1)", False),
    ],
)
def test_an_implementation_does_something(code: str, real: bool) -> None:
    """A signature, a placeholder or an import does not."""
    tree = parse_python(code)
    assert tree is not None

    assert implements(tree, "f") is real


@pytest.mark.parametrize(
    ("code", "shallow"),
    [
        (F, True),
        ("x = [" + "1, " * 5000 + "]", True),
        ("if x:\n    pass\n" + "elif x:\n    pass\n" * 20, True),
        ("x = " + "1 + " * 2000 + "1", False),
        ("x" + ".a" * 2000, False),
        ("x = " + "-" * 900 + "1", False),
        ("not python at all", False),
    ],
)
def test_a_shallow_tree_can_be_written_out_again(code: str, shallow: bool) -> None:
    """A deep one is refused before a function that calls itself meets it."""
    tree = parse_shallow(code)

    assert (tree is not None) is shallow
    assert tree is None or ast.unparse(tree)
