"""Warnings of odd answers: above a share of 5 %, in the terminal and in both reports."""

from __future__ import annotations

import json
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from harness.config import RunConfig
from harness.evaluation import pipeline
from harness.types import Status
from tests.commands import harness, read_rows, write_rows
from tests.runs import outcomes, write_run

WHOLE = {"code": "def f():\n    return 2\n", "raw": "def f():\n    return 2\n"}
ODD: dict[str, tuple[dict[str, Any], str]] = {
    "truncated": ({**WHOLE, "finish_reason": "length"}, "ended at the token limit"),
    "no answer": ({"raw": "<think>Hm. Let me", "code": ""}, "ended within their reasoning"),
    "empty": ({"raw": " \n", "code": ""}, "are empty"),
    "no code": ({"raw": "Sorry.", "code": "\n"}, "hold no code"),
    "not parsing": ({"raw": "def (", "code": "def ("}, "do not parse"),
    "no entry point": ({"raw": "def g(): 1", "code": "def g():\n    return 1\n"}, "do not define the function"),
}
"""Kind -> what such a sample's row has, and how the warning puts it."""


def odd_run(path: Path, kind: str, count: int) -> Path:
    """Twenty samples, all wrong and whole but the first `count`."""
    write_run(path, outcomes([], n=20))
    changed = ODD[kind][0]
    rows = read_rows(path / "samples.jsonl")
    write_rows(path / "samples.jsonl", [row | (changed if at < count else WHOLE) for at, row in enumerate(rows)])
    verdicts = read_rows(path / "verdicts.jsonl")
    if kind == "not parsing":
        verdicts = [
            row | ({"status": Status.SYNTAX_ERROR.value} if at < count else {}) for at, row in enumerate(verdicts)
        ]
        write_rows(path / "verdicts.jsonl", verdicts)
    manifest = json.loads((path / "run.json").read_text())
    manifest["entry_points"] = {"humaneval": {row["task_id"]: "f" for row in rows}}
    (path / "run.json").write_text(json.dumps(manifest))
    return path


@pytest.mark.parametrize("kind", ODD)
def test_many_odd_answers_are_warned_of_everywhere(kind: str, tmp_path: Path) -> None:
    """With how many of how many; the other kinds are not."""
    path = odd_run(tmp_path / "run", kind, 2)

    done = harness("report", path)

    assert done.returncode == 0, done.stderr
    told = f"humaneval: 2 of 20 samples (10.0 %) {ODD[kind][1]}"
    warnings = [line for line in done.stdout.splitlines() if line.startswith("WARNING")]
    assert len(warnings) == 1
    assert told in warnings[0]
    assert f"**{told}" in (path / "report.md").read_text()
    assert f"<li>{told}" in unescape((path / "report.html").read_text())
    counts = json.loads((path / "scores.json").read_text())["oddities"]["humaneval"]
    assert counts == {other: 2 * (other == kind) for other in ODD}


def test_few_are_counted_without_a_warning(tmp_path: Path) -> None:
    """One of twenty is the share that is let pass."""
    path = odd_run(tmp_path / "run", "truncated", 1)

    done = harness("report", path)

    assert "WARNING" not in done.stdout
    assert "Odd answers in humaneval: 1 truncated, 0 empty" in (path / "report.md").read_text()


def test_a_run_records_which_function_is_called(tmp_path: Path) -> None:
    """So that answers with other functions are told from wrong ones, without the benchmark's data."""
    texts = ["def other():\n    return 1\n", "    return 1\n", "def truncate_number(number):\n    return 1\n", ""]
    rows = [{"task_id": f"HumanEval/{at}", "completion": text} for at, text in enumerate(texts)]
    file = write_rows(tmp_path / "s.jsonl", rows)
    config = RunConfig(model=f"replay:{file}", benchmarks=("humaneval",), sandbox="process", limit=4, verify=False)

    summary = pipeline.run(config, out=tmp_path / "run")

    assert summary.manifest["entry_points"]["humaneval"]["HumanEval/0"] == "has_close_elements"
    assert {kind: count for kind, count in summary.oddities["humaneval"].items() if count} == {
        "no entry point": 1,
        "empty": 1,
    }
