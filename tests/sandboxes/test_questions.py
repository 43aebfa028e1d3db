"""A judge as its questions, each a judge of its own; and tests of a caller's own."""

from __future__ import annotations

import pytest

from harness.sandboxes import open_sandbox
from harness.sandboxes.judges import kind_of, own
from harness.types import Asserts, Program, Status

CHECK = """
def check(candidate):
    total = 1
    assert candidate(1) == 2
    for n in range(3):
        total += n
    assert (candidate(41) ==
            42), total
check(add_one)
"""


@pytest.mark.parametrize(
    ("tests", "count"),
    [
        ("assert add_one(1) == 2\nassert add_one(41) == 42\n", 2),
        (CHECK, 2),
        ("assert add_one(1) == 2\n", 1),
        ("assert add_one(1) == 2; assert add_one(2) == 3\n", 1),
        ("for n in range(3):\n    assert add_one(n) == n + 1\n", 1),
        ("def (", 1),
        (f"assert {'-' * 100_000}1\n", 1),
        ("text = '''\nassert 1\n'''\nassert add_one(1) == 2\nassert add_one(2) == len(text) - 7\n", 2),
    ],
)
def test_asserts_are_told_apart_where_that_is_sound(tests: str, count: int) -> None:
    """One for each assert of a level; the tests as they are where a line holds several."""
    judge = own.build_tests(tests=tests, exposes=["add_one"])

    assert len(kind_of(judge).questions(judge)) == count


def test_a_program_passes_its_judge_if_it_passes_all_questions() -> None:
    """Of a function that is right, and of one that is right for one argument alone."""
    judges = [
        own.build_tests(tests=CHECK, exposes=["add_one"]),
        own.build_calls(entry_point="add_one", inputs=[[1], [41]], reference="def add_one(n):\n    return n + 1\n"),
    ]
    sources = "def add_one(n):\n    return n + 1\n", "def add_one(n):\n    return 2\n"
    work = [
        ((at, source, number), Program(source=source, environment="core"), question)
        for at, judge in enumerate(judges)
        for source in sources
        for number, question in enumerate([judge, *kind_of(judge).questions(judge)])
    ]

    with open_sandbox("process", environment="core", workers=1) as sandbox:
        found = dict(sandbox.run(work))

    for at in range(2):
        for source, passes in zip(sources, ([True, True, True], [False, True, False]), strict=True):
            assert [found[at, source, number].status is Status.PASSED for number in range(3)] == passes


def test_questions_keep_everything_else() -> None:
    """Reference, helpers and what is exposed."""
    judge = own.build_tests(tests=CHECK, exposes=["add_one"], preamble="import math", reference="x = 1")

    for question in kind_of(judge).questions(judge):
        assert isinstance(question, Asserts)
        assert (question.exposes, question.preamble, question.reference) == (("add_one",), "import math", "x = 1")
        assert "total += n" in question.tests
