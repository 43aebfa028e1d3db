"""Tests without a reference: they ask the candidate as they go, and each call is there once the last is answered."""

from __future__ import annotations

import pytest

from harness.types import Sandbox, Status, Trust

from .work import apart, outcome


@pytest.mark.parametrize(
    ("tests", "source", "expected"),
    [
        ("assert f(2) == 4", "def f(n):\n    return n * n\n", Status.PASSED),
        ("assert f(2) == 4", "def f(n):\n    return 5\n", Status.WRONG_ANSWER),
        ("assert f(f(2)) == 16", "def f(n):\n    return n * n\n", Status.PASSED),
        ("for n in range(500):\n    assert f(n) == n", "def f(n):\n    return n\n", Status.PASSED),
        ("pass", "def f(n):\n    return n\n", Status.PASSED),
        ("assert f(2) == 4", "def f(n)\n    return n\n", Status.SYNTAX_ERROR),
        ("assert f(2) == 4", "def g(n):\n    return n\n", Status.RUNTIME_ERROR),
        ("assert f(2) == 4", "def f(n):\n    return n / 0\n", Status.RUNTIME_ERROR),
        ("assert f(2) == 4", "def f(n):\n    while True: pass\n", Status.TIMEOUT),
        ("assert f(2) == 4", "import os\ndef f(n):\n    os._exit(0)\n", Status.RUNTIME_ERROR),
        (
            "assert f(1) == 1\nassert f(2) == 2",
            "import os\ndef f(n):\n    return n if n < 2 else os._exit(0)\n",
            Status.RUNTIME_ERROR,
        ),
        ("assert f(2) == 4", "import os\nos.write(3, b'ok')\ndef f(n):\n    return 4\n", Status.TAMPERED),
        (
            "assert f(2) == 4",
            "class A:\n    def __eq__(self, other):\n        return True\ndef f(n):\n    return A()\n",
            Status.WRONG_ANSWER,
        ),
        (
            "try:\n    f(0)\n    assert False\nexcept ZeroDivisionError:\n    pass",
            "def f(n):\n    return 1 / n\n",
            Status.PASSED,
        ),
        ("x = [3, 1]\nf(x)\nassert x == [1, 3]", "def f(x):\n    x.sort()\n", Status.PASSED),
        ("while True:\n    f(1)", "def f(n):\n    return n\n", Status.TIMEOUT),
    ],
)
def test_the_tests_decide_on_what_is_answered(sandbox: Sandbox, tests: str, source: str, expected: Status) -> None:
    """In another process than the candidate's."""
    found = outcome(sandbox, apart(source, tests=tests, reference=""))

    assert (found.status, found.trust) == (expected, Trust.SPLIT), found


AHEAD = """
import os, select, sys
asked = []
def ahead():
    readable, _, _ = select.select([4], [], [], 0.5)
    return os.read(4, 1 << 16) if readable else b""
def f(n):
    asked.append(n)
    early = ahead()
    if early:
        raise ValueError(("early", early))
    return n + 1
"""
"""Looks for the next call before it answers this one."""


@pytest.mark.parametrize("reference", ["", "def f(n):\n    return n + 1\n"], ids=["without", "with"])
def test_a_call_cannot_be_read_before_the_last_is_answered(sandbox: Sandbox, reference: str) -> None:
    """The argument of `f(f(x))` would be the answer to `f(x)`."""
    tests = "assert f(f(f(1))) == 4\nassert f(41) == 42"

    found = outcome(sandbox, apart(AHEAD, tests=tests, reference=reference))

    assert found.status is Status.PASSED, found


GUESS = """
import os, struct
def f(n):
    return 0
value = b"i" + struct.pack(">q", 2)
answer = b"t" + struct.pack(">I", 4) + b"s\\0\\0\\0\\x08returned" + b"s\\0\\0\\0\\0" + value + b"N"
os.write(3, b"V" + struct.pack(">I", len(answer)) + answer)
read = b""
while len(read) < 4 + 1:
    read += os.read(4, 1 << 16)
more = os.read(4, 1 << 16) if len(read) < 60 else b""
raise ValueError((read, more))
"""
"""Answers before it is asked, and reads what comes."""


@pytest.mark.parametrize("reference", ["", "def f(n):\n    return n + 1\n"], ids=["without", "with"])
def test_a_guessed_answer_buys_one_question_and_does_not_pass(sandbox: Sandbox, reference: str) -> None:
    """Whoever answers before the question has answered; what follows is judged by that."""
    found = outcome(sandbox, apart(GUESS, tests="assert f(7) == 8\nassert f(1) == 2", reference=reference))

    assert found.status in (Status.WRONG_ANSWER, Status.TAMPERED, Status.RUNTIME_ERROR), found


FLOOD = """
import os, struct
def f(n):
    return n + 1
os.write(3, b"V" + struct.pack(">I", 1) + b"N")
while True:
    os.write(3, b"V" + struct.pack(">I", 1) + b"N")
"""
"""Answers for ever, whatever it is asked."""


@pytest.mark.parametrize("reference", ["", "def f(n):\n    return n + 1\n"], ids=["without", "with"])
def test_a_flood_of_answers_ends_soon(sandbox: Sandbox, reference: str) -> None:
    """A program may say one thing more than it was asked, no more."""
    found = outcome(sandbox, apart(FLOOD, tests="assert f(7) == 8\nassert f(1) == 2", reference=reference))

    assert found.status is not Status.PASSED
    assert found.status is not Status.INFRASTRUCTURE
    assert found.wall_time_s < 5


def test_a_thousand_answers_before_a_new_question_are_remembered(sandbox: Sandbox) -> None:
    """What was answered before is compared whatever its number, and an honest program passes."""
    tests = "for n in range(2000):\n    f(n)\nassert f(f(3)) >= 5"
    honest = "def f(n):\n    return n + 2\n"  # another answer than the reference's, which leads to another question

    found = outcome(sandbox, apart(honest, tests=tests, reference="def f(n):\n    return n + 1\n"))

    assert found.status is Status.PASSED, found
