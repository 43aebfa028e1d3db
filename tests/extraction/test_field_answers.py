"""Right answers in the forms in which models give them, found in public trackers or made after them: all pass."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from tests.commands import harness, read_rows

FIELD = Path(__file__).parent.parent / "field"


@pytest.mark.parametrize("name", [path.name for path in sorted(FIELD.glob("*.answers.jsonl"))])
def test_each_answer_passes(name: str, tmp_path: Path) -> None:
    """By the chat recipe, and every row says how its code was found."""
    cases = [json.loads(line)["case"] for line in (FIELD / name).read_text(encoding="utf-8").splitlines()]
    asked = ("-b", "humaneval", "-r", "chat", "--field", "answer", "--sandbox", "process", "--no-page", "-q")

    done = harness("score", str(FIELD / name), *asked, "--out", "run", cwd=tmp_path)

    assert done.returncode == 0, done.stderr
    failed = [
        cases[row["index"]] for row in read_rows(tmp_path / "run" / "verdicts.jsonl") if row["status"] != "passed"
    ]
    assert failed == []
    assert all(row["extraction"] for row in read_rows(tmp_path / "run" / "samples.jsonl"))


def test_the_cases_differ() -> None:
    """No answer is there twice."""
    lines = [line for path in FIELD.glob("*.answers.jsonl") for line in path.read_text(encoding="utf-8").splitlines()]

    counts = Counter(json.loads(line)["answer"] for line in lines)

    assert len(lines) >= 67
    assert max(counts.values()) == 1
