"""A run that version 0.1.0 wrote, in tests/kept: still read, completed and compared."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from harness.report.dataframes import load_runs
from tests.commands import harness, read_rows

KEPT = Path(__file__).parent / "kept"
AGAIN = ("run", "replay:replies.jsonl", "-b", "humaneval", "--limit", "4", "--sandbox", "process", "--no-page", "-q")
STATUSES = ["passed", "wrong_answer", "passed", "runtime_error"]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with the run and the answers that it was made of."""
    shutil.copytree(KEPT, tmp_path, dirs_exist_ok=True)
    return tmp_path


def statuses(run: Path) -> list[str]:
    """Return the statuses of a run's verdicts, in the order they came."""
    return [row["status"] for row in read_rows(run / "verdicts.jsonl")]


def test_it_is_read_and_reported(place: Path) -> None:
    """Its scores are those that it was reported with."""
    reported = harness("report", "run", cwd=place)

    assert reported.returncode == 0, reported.stderr
    assert "2 of 4 problems" in reported.stdout
    (score,) = load_runs(place / "run").scores.to_dict("records")
    assert (score["benchmark"], score["metric"], score["value"]) == ("humaneval", "pass@1", 0.5)


def test_the_same_command_completes_it(place: Path) -> None:
    """What is there stays as it was written, and what is missing is generated and judged."""
    for name, left in (("samples.jsonl", 3), ("verdicts.jsonl", 2)):
        lines = (place / "run" / name).read_text(encoding="utf-8").splitlines(keepends=True)
        (place / "run" / name).write_text("".join(lines[:left]), encoding="utf-8")

    completed = harness(*AGAIN, "--out", "run", cwd=place)

    assert completed.returncode == 0, completed.stderr
    assert sorted(statuses(place / "run")) == sorted(STATUSES)
    kept = (KEPT / "run" / "verdicts.jsonl").read_text(encoding="utf-8").splitlines()
    assert (place / "run" / "verdicts.jsonl").read_text(encoding="utf-8").splitlines()[:2] == kept[:2]


def test_it_is_compared_with_a_run_of_today(place: Path) -> None:
    """They are comparable, nothing has flipped, and the gate lets the new one pass."""
    assert harness(*AGAIN, "--out", "today", cwd=place).returncode == 0

    compared = harness("compare", "run", "today", "--json", cwd=place)
    gated = harness("gate", "run", "today", cwd=place)

    assert sorted(statuses(place / "today")) == sorted(STATUSES)
    assert compared.returncode == 0, compared.stderr
    assert "not comparable" not in compared.stdout
    assert gated.returncode == 0, gated
