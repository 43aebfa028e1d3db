"""Of a program stays what one function needs, and nothing that it does not need."""

from __future__ import annotations

import time

import pytest

from harness.extraction.slicing import keep_reachable
from harness.extraction.syntax import find_error, parse_python
from harness.types import Problem

F = "def f(n):\n    return n"
PROBLEM = Problem(task_id="T/0", prompt="", entry_point="f", reference="", tests="")


def keep(code: str, also: str = "", others: tuple[str, ...] = ()) -> str:
    """Return what `f` needs of `code`."""
    tree = parse_python(code)
    assert tree is not None
    return keep_reachable(code, tree, "f", also=frozenset(also.split()), others=others).code


NEEDED = {
    "an import": "import math\ndef f(n):\n    return math.sqrt(n)",
    "a module of a package": "import os.path\ndef f(n):\n    return os.path.join(n)",
    "an import by another name": "import numpy as np\ndef f(n: np.ndarray):\n    return n",
    "a star import": f"from math import *\n{F}",
    "a future import": f"from __future__ import annotations\n{F}",
    "a decorator and what it is": "from functools import cache\n@cache\ndef f(n):\n    return n",
    "a default value": "START = 1\ndef f(n=START):\n    return n",
    "an annotation": "Number = int\ndef f(n: Number):\n    return n",
    "a base class": "class A:\n    pass\nclass f(A):\n    x = 1",
    "helpers of helpers": "def g(n):\n    return h(n)\ndef h(n):\n    return n\ndef f(n):\n    return g(n)",
    "a helper below": "def f(n):\n    return g(n)\ndef g(n):\n    return n",
    "a method of a class": (
        "class A:\n    def run(self):\n        return g()\ndef g():\n    return 1\ndef f(n):\n    return A().run()"
    ),
    "a global that another function counts": "count = 0\ndef f(n):\n    global count\n    count += 1\n    return count",
    "a name in a nested function": "K = 1\ndef f(n):\n    def g():\n        return K\n    return g()",
    "a name in a comprehension": "K = [1]\ndef f(n):\n    return [k for k in K]",
    "a loop that fills a table": "T = []\nfor i in range(3):\n    T.append(i)\ndef f(n):\n    return T[n]",
    "a loop that fills by key": "T = {}\nfor i in range(3):\n    T[i] = i\ndef f(n):\n    return T[n]",
    "a call that changes a table": "import heapq\nT = [2, 1]\nheapq.heapify(T)\ndef f(n):\n    return T[n]",
    "an update in place": "T = 1\nT += 1\ndef f(n):\n    return T",
    "an import that may fail": (
        "try:\n    from a import g\nexcept ImportError:\n    from b import g\ndef f(n):\n    return g(n)"
    ),
    "a definition under a condition": (
        "import sys\nif sys.version_info > (3,):\n    def g(n):\n        return n\ndef f(n):\n    return g(n)"
    ),
    "a function that is wrapped later": "def wrap(g):\n    return g\ndef f(n):\n    return n\nf = wrap(f)",
    "an attribute of the function": "def f(n):\n    return f.cache\nf.cache = {}",
    "the recursion limit": f"import sys\nsys.setrecursionlimit(10000)\n{F}",
    "what globals() may mean": "def g(n):\n    return n\ndef f(n):\n    return globals()['g'](n)",
    "what eval may mean": "K = 1\ndef f(n):\n    return eval('K')",
    "both definitions of a name": "def g():\n    return 1\ndef g():\n    return 2\ndef f(n):\n    return g()",
    "a type variable": "from typing import TypeVar\nT = TypeVar('T')\ndef f(n: T) -> T:\n    return n",
    "comments between statements": "import math\n# sqrt\n\n\ndef f(n):\n    # here\n    return math.sqrt(n)",
    "a walrus": "(K := 3)\ndef f(n):\n    return K",
}


@pytest.mark.parametrize("code", NEEDED.values(), ids=NEEDED.keys())
def test_what_is_needed_stays(code: str) -> None:
    """Byte for byte."""
    assert keep(code) == code


DROPPED = {
    "an unused import": "import not_there",
    "an unused function": "def g(n):\n    return input()",
    "an assert": "assert f(1) == 2",
    "a call": "f(1)",
    "a print": "print(f(1))",
    "an input": "x = input()",
    "a demonstration": "for i in range(3):\n    print(f(i))",
    "a list of demonstrations": "results = [f(i) for i in range(3)]",
    "a loop without end": "while True:\n    pass",
    "a main guard": "if __name__ == '__main__':\n    f(input())",
    "a main guard the other way round": "if '__main__' == __name__:\n    f(input())",
    "an exit": "import sys\nsys.exit(f(1))",
    "an error": "raise ValueError(f(1))",
    "a test case": "import unittest\nclass T(unittest.TestCase):\n    def test(self):\n        f(1)\nunittest.main()",
    "a variable of a local one's name": "n = f(int(input()))",
    "a try": "try:\n    f(1)\nexcept ValueError:\n    print('no')",
    "a with": "with open('x') as file:\n    f(file)",
    "a test that a runner collects": "def test_f():\n    assert f(1) == 2",
    "a deletion": "del x",
    "a cache that the demonstration warms": "cache = {}\nfor i in range(9):\n    cache[i] = f(i)",
}


@pytest.mark.parametrize("more", DROPPED.values(), ids=DROPPED.keys())
def test_what_is_not_needed_goes(more: str) -> None:
    """Above the function or below it."""
    assert keep(f"{F}\n\n{more}") == F
    assert keep(f"{more}\n\n{F}") == F


def test_it_says_what_went() -> None:
    """By line and beginning."""
    code = f"{F}\n\nassert f(1) == 1, '{'x' * 200}'"
    tree = parse_python(code)
    assert tree is not None

    (dropped,) = keep_reachable(code, tree, "f").dropped

    assert dropped.startswith("line 4: assert f(1) == 1")
    assert len(dropped) < 100


def test_statements_that_share_a_line_are_parted() -> None:
    """One stays, the other goes."""
    assert keep("a = 1; b = input()\ndef f(n):\n    return a") == "a = 1\ndef f(n):\n    return a"


def test_definitions_that_tests_use_stay() -> None:
    """Such as a class whose instances the tests build."""
    code = f"class Node:\n    pass\nimport copy\nnode = input()\n{F}"

    assert keep(code, also="Node copy node") == f"class Node:\n    pass\nimport copy\n{F}"


def test_what_is_missing_comes_from_programs_beside_it() -> None:
    """Their last definition, and what that one needs, in their order."""
    first = "import re\ndef g(n):\n    return 0\nprint(g(input()))"
    second = "def g(n):\n    return re.sub(K, '', n)\nK = 'a'\ndef f(n):\n    return g(n) + 1"

    code = keep("def f(n):\n    return g(n)", others=(first, second, "not python at all"))

    assert code == "import re\ndef g(n):\n    return re.sub(K, '', n)\nK = 'a'\ndef f(n):\n    return g(n)"


@pytest.mark.parametrize(
    "code", ["(" * 100_000, "-" * 100_000 + "1", "a" + ".a" * 50_000, "\0", "1" * 10_000, "x = '''"]
)
def test_a_hostile_program_is_no_python_or_is_read(code: str) -> None:
    """It breaks nothing."""
    tree = parse_python(f"{F}\n{code}")

    assert (tree is None) == (find_error(f"{F}\n{code}") is not None)
    if tree is not None:
        assert keep_reachable(f"{F}\n{code}", tree, "f").code == F


def test_a_long_program_is_read_in_linear_time() -> None:
    """A second or two; in quadratic time it would take many minutes."""
    times = 10_000
    code = "\n".join(f"def g{i}(n):\n    return g{i + 1}(n)" for i in range(times)) + "\ndef f(n):\n    return g0(n)"
    start = time.process_time()

    assert keep(code) == code

    assert time.process_time() - start < 60
