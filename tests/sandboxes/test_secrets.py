"""What decides about a program is in no memory that it can read: tests, answers, references, other programs.

Each program runs where others ran before it, and looks for what those, their tests or their references left. A control
that holds the secret finds it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from harness.sandboxes import open_sandbox
from harness.types import Asserts, Calls, Limits, Part, Program, Sandbox, Status, Work

from .search import SECRET, search
from .work import outcome

LOOKS = search() + "def f(n):\n    raise ValueError(found())\n"
HOLDS = f"held = {SECRET!r}\n" + LOOKS
PATIENT = Limits(cpu_time_s=10, wall_time_s=30)


@pytest.fixture(params=[pytest.param("docker", marks=pytest.mark.docker), "process"])
def one_worker(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    """A sandbox in which all programs run one after another, and which knows of no reference yet."""
    if request.param == "docker":
        request.getfixturevalue("core_image")
    monkeypatch.setenv("HARNESS_CACHE_DIR", str(tmp_path))
    with open_sandbox(request.param, environment="core", workers=1) as opened:
        yield opened


def program(source: str) -> Program:
    return Program(source=source, environment="core", limits=PATIENT)


def asserts(tests: str, reference: str) -> Asserts:
    """Tests of `f`; without a reference they talk to the candidate."""
    return Asserts(tests=f"\n{tests}\n", exposes=("f",), preamble="", reference=reference)


def calls(reference: str, inputs: list[list[object]]) -> Calls:
    return Calls(
        key=hashlib.sha256(f"{reference}{inputs}".encode()).hexdigest(),
        entry_point="f",
        reference=reference,
        parts=(Part(name="base", inputs=inputs), Part(name="plus", inputs=inputs)),
        min_time_limit_s=8.0,
    )


SECRETS = {
    "the tests, with a reference": asserts(f"assert f(1) == {SECRET!r}", f"def f(n):\n    return {SECRET!r}\n"),
    "the tests, without a reference": asserts(f"assert f(1) == {SECRET!r}", ""),
    "a comment of the tests": asserts(f"# {SECRET}\nassert f(1) == 2", "def f(n):\n    return 2\n"),
    "the source of the reference": asserts("assert f(1) == 2", f"def f(n):\n    # {SECRET}\n    return 2\n"),
    "a later argument of the tests": asserts(
        f"assert f(1) == 2\nassert f({SECRET!r}) == 3", "def f(n):\n    return 2 if n == 1 else 3\n"
    ),
    "the answers of the reference": calls(f"def f(n):\n    return {SECRET!r}\n", [[1], [2]]),
    "the large answers of the reference": calls(f"def f(n):\n    return {SECRET!r} * 100_000\n", [[1], [2]]),
    "the source of a called reference": calls(f"def f(n):\n    # {SECRET}\n    return 2\n", [[1], [2]]),
}


@pytest.mark.parametrize("what", SECRETS)
def test_a_program_does_not_find(one_worker: Sandbox, what: str) -> None:
    """Neither at first nor after its judge decided about another program."""
    judge = SECRETS[what]
    wrong = "def f(n):\n    return 1j\n"

    first = outcome(one_worker, ("first", program(LOOKS), judge))
    other = outcome(one_worker, ("other", program(wrong), judge))
    again = outcome(one_worker, ("again", program(LOOKS), judge))
    control = outcome(one_worker, ("control", program(HOLDS), judge))

    assert other.status is Status.WRONG_ANSWER, other
    assert "nothing" in first.detail, first
    assert "nothing" in again.detail, again
    assert "found" in control.detail, control


def neighbours() -> dict[str, Work]:
    """Programs that hold the secret themselves, in one way each, and pass."""
    two = asserts("assert f(1) == 2", "def f(n):\n    return 2\n")
    return {
        "source": ("source", program(f"def f(n):\n    # {SECRET}\n    return 2\n"), two),
        "value": ("value", program(f"def f(n):\n    global g\n    g = {SECRET!r} * n\n    return 2\n"), two),
        "answer": (
            "answer",
            program(f"def f(n):\n    return {SECRET!r}\n"),
            asserts(f"assert f(1) == {SECRET!r}", ""),
        ),
        "called": (
            "called",
            program(f"def f(n):\n    return {SECRET!r}\n"),
            calls(f"def f(n):\n    return {SECRET[:START]!r} + {SECRET[START:]!r}\n", [[1]]),
        ),
        "trusted": (
            "trusted",
            replace(program(f"def f(n):\n    # {SECRET}\n    return 2\n"), trusted=True),
            two,
        ),
    }


START = 5


@pytest.mark.parametrize("kind", ["with a reference", "without a reference", "calls"])
@pytest.mark.parametrize("name", neighbours())
def test_a_program_finds_nothing_of_the_one_before(one_worker: Sandbox, name: str, kind: str) -> None:
    """Not its source, not what it computed, not what it answered."""
    reference = "def f(n):\n    return 2\n"
    judge = {
        "with a reference": asserts("assert f(1) == 2", reference),
        "without a reference": asserts("assert f(1) == 2", ""),
        "calls": calls(reference, [[1]]),
    }[kind]

    before = outcome(one_worker, neighbours()[name])
    found = outcome(one_worker, ("looks", program(LOOKS), judge))

    assert before.status is Status.PASSED, before
    assert "nothing" in found.detail, found
