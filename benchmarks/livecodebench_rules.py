"""How LiveCodeBench runs and compares, in programs for the sandbox: from its lcb_runner/evaluation/testing_util.py
(github.com/LiveCodeBench/LiveCodeBench, MIT), in other words.
"""

from __future__ import annotations

MODULES = (
    *("string", "re", "datetime", "collections", "heapq", "bisect", "copy", "math", "random", "statistics"),
    *("itertools", "functools", "operator", "io", "sys", "json"),
)
PRELUDE = "\n".join(
    [
        *(f"from {module} import *" for module in (*MODULES, "builtins", "typing")),
        *(f"import {module}" for module in MODULES),
        "sys.setrecursionlimit(50000)\n",
    ]
)
"""Stands before every program there."""

CHECKER = """\
from decimal import Decimal, InvalidOperation


def lines(text):
    return [line.strip() for line in text.strip().split("\\n")]


def numbers(line):
    return [Decimal(word) for word in line.split()]


def same(said, right):
    if said == right:
        return True
    try:
        return numbers(said) == numbers(right)
    except InvalidOperation:
        return False


def check(given, output, expected):
    said, right = lines(output), lines(expected)
    return len(said) == len(right) and all(map(same, said, right))
"""
"""Lines are equal as text or as decimal numbers; white space around lines and around the whole does not count."""

REFERENCE = """\
import json

CASES = json.loads({cases!r})


def {name}(*arguments):
    return next(output for given, output in CASES if given == list(arguments))
"""
"""Returns what the data says; nobody published a solution."""

WRAPPED = """\
import ast
import io
import sys
import types
from unittest.mock import mock_open, patch

CODE = {code!r}
PRELUDE = {prelude!r}


def as_function(code):
    body = ast.parse(code).body
    last = body[-1]
    if isinstance(last, ast.If) and ast.unparse(last.test) == "__name__ == '__main__'":
        body = body[:-1] + last.body
    imports = [node for node in body if isinstance(node, (ast.Import, ast.ImportFrom))]
    rest = [node for node in body if node not in imports]
    nothing = ast.arguments(posonlyargs=[], args=[], kwonlyargs=[], kw_defaults=[], defaults=[])
    function = ast.FunctionDef(name="wrapped_function", args=nothing, body=rest, decorator_list=[], lineno=-1)
    return PRELUDE + ast.unparse(imports) + "\\n" + ast.unparse(function)


class Buffer:
    def __init__(self, text):
        self.data = text.encode()

    def read(self, *sizes):
        return self.data

    def readline(self, *sizes):
        return self.data.split(b"\\n")[0] + b"\\n"


class Stdin:
    def __init__(self, text):
        self.text, self.file, self.buffer = text, io.StringIO(text), Buffer(text)
        rest = iter(text.split("\\n"))
        self.read = lambda *sizes: text
        self.readline = lambda *sizes: next(rest)
        self.readlines = lambda *sizes: text.split("\\n")

    def __getattr__(self, name):
        return getattr(self.file, name)


text, stdout, printed = sys.stdin.read(), sys.stdout, io.StringIO()
module = types.ModuleType("tmp_sol")
exec(as_function(CODE), module.__dict__)
assert "class Solution" not in CODE, "a class in place of a script"
with patch("builtins.open", mock_open(read_data=text)), patch("sys.stdin", Stdin(text)), patch("sys.stdout", printed):
    try:
        module.wrapped_function()
    except SystemExit:
        pass
stdout.write(printed.getvalue())
"""
"""Runs a script as a function that reads a stand-in of standard input. Right programs fail here that change a global in
a function, or use `for line in sys.stdin`, `sys.stdin.buffer.readline` twice or a main guard that is not last."""


def prepare_script(code: str, *, wrapped: bool) -> str:
    """Return the program that runs for a script: as a process of its own, or `wrapped` as the authors' checker does."""
    if wrapped:
        return WRAPPED.format(code=code, prelude=PRELUDE)
    if "from __future__" in code:  # has to stand first
        return code
    return f"{PRELUDE}\n{code}"


def prepare_functions(code: str, name: str) -> str:
    """Return the program that defines the function `name`; a method of `Solution` is that of one instance."""
    bound = f"\n\n{name} = Solution().{name}\n" if "class Solution" in code else "\n"
    return f"{code}{bound}" if "from __future__" in code else f"{PRELUDE}\n{code}{bound}"
