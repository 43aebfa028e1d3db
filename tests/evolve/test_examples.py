"""Answers are held to the examples that stand beside them, in the sandbox."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.evolve.dataset_filter import DatasetFilter
from harness.evolve.examples import build_program
from harness.evolve.operators import choose_operators
from harness.evolve.records import EvolveConfig
from harness.evolve.run import EvolveResult, Settings, evolve
from tests.commands import read_rows
from tests.evolve.contamination import row
from tests.evolve.world import write_replies, write_seeds

TASK = "Write `twice` so that this holds, for any whole number:\n\nassert twice(4) == 8\n"
RIGHT = "```python\ndef twice(x):\n    return 2 * x\n```"
WRONG = "```python\ndef twice(x):\n    return x + 2\n```"


def run(tmp_path: Path, answers: dict[int, tuple[str, str]]) -> EvolveResult:
    """One round in which each seed's answer, and the one to a second try, are given."""
    other = {}
    for seed, (first, second) in answers.items():
        other |= {
            f"s{seed:06d}.r1/evolve": f"{TASK}Case {seed}.",
            f"s{seed:06d}.r1/answer": first,
            f"s{seed:06d}.r1/repair": second,
        }
    replies = write_replies(tmp_path / "replies.jsonl", len(answers), other=other)
    seeds = write_seeds(tmp_path / "seeds.jsonl", len(answers))
    config = EvolveConfig(model=f"replay:{replies}", operators=choose_operators("wizardcoder"), rounds=1, examples=True)
    dataset_filter = DatasetFilter(near=None, sandbox="process", workers=1)
    return evolve(config, Settings(out=tmp_path / "out", seeds=seeds, dataset_filter=dataset_filter))


def test_an_answer_that_fails_its_examples_is_asked_for_again_and_then_dropped(tmp_path: Path) -> None:
    """Right at once, right the second time, wrong twice; the journal keeps the verdicts, and a restart runs none."""
    answers = {0: (RIGHT, WRONG), 1: (WRONG, RIGHT), 2: (WRONG, WRONG)}
    outcome = run(tmp_path, answers)
    rows = {one["id"]: one for one in read_rows(outcome.path / "dataset" / "train.jsonl")}
    assert rows["s000000.r1"]["output"] == rows["s000001.r1"]["output"] == RIGHT
    assert "s000002.r1" not in rows
    (thrown,) = read_rows(outcome.path / "rejected.jsonl")
    assert (thrown["id"], thrown["reason"]) == ("s000002.r1", "fails-its-examples")
    assert thrown["detail"].startswith("wrong_answer")
    expected = {"ran well or had no examples": 1, "right when asked again": 1, "dropped": 1}
    assert outcome.statistics["examples"] == expected
    asked = [one["id"] for one in read_rows(outcome.path / "ledger.jsonl") if "id" in one]
    assert [name for name in asked if name.endswith("/repair")] == ["s000001.r1/repair", "s000002.r1/repair"]
    before = (outcome.path / "ledger.jsonl").read_bytes()
    assert run(tmp_path, answers).asked == 0
    assert (outcome.path / "ledger.jsonl").read_bytes() == before


@pytest.mark.parametrize(
    ("instruction", "code", "tests"),
    [
        ("assert f(1) == 2", "def f(x):\n    return x + 1", "assert f(1) == 2"),
        (">>> f(1)\n2\n>>> print(3)\n3\n", "def f(x):\n    return x + 1", "assert f(1) == 2"),
        ("assert g(1) == 2", "def f(x):\n    return x + 1", None),
        ("Add one.", "def f(x):\n    return x + 1\n\nassert f(1) == 2\nprint(f(2))", "assert f(1) == 2"),
        ("assert f(1) == 2", "f(x) = x + 1", None),
        (">>> f(1)\nTraceback (most recent call last):\nValueError", "def f(x):\n    raise ValueError", None),
    ],
)
def test_examples_are_found_in_the_instruction_and_the_answer(instruction: str, code: str, tests: str | None) -> None:
    """Asserts and doctests that call what the answer defines, and nothing else."""
    found = build_program(row("x", code, instruction))
    assert (found and found.tests) == tests
