"""Problems whose verdict hangs on the time limit are named, and their verdicts stay."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from harness.benchmarks.humaneval import HumanEval
from harness.fragile import check
from harness.sandboxes import open_sandbox
from harness.store import RunFolder
from harness.suite import load_suite
from harness.types import CodeForm, Completion, Problem, Status, Trial
from tests.commands import harness, write_rows

BURN = "import time as _time\n_end = _time.process_time() + {}\nwhile _time.process_time() < _end: pass\n"


class Hasty(HumanEval):
    """HumanEval with a tenth of the time."""

    def trial(self, problem: Problem, code: str, form: CodeForm, index: int) -> Trial:
        trial = super().trial(problem, code, form, index)
        return replace(trial, limits=replace(trial.limits, cpu_time_s=0.3))


def test_only_what_passes_with_more_time_is_fragile(tmp_path: Path) -> None:
    """Not the endless one, not the one that fails later anyway; two of three samples of a problem run again."""
    suite = replace(load_suite("humaneval", limit=4), benchmark=Hasty())
    before = [BURN.format(0.5), "while True: pass\n", BURN.format(0.5) + "raise ValueError\n", ""]
    samples = [
        suite.given(one.task_id, index, Completion(text=""), text + one.prompt + one.reference, CodeForm.SOLUTION)
        for one, text in zip(suite.problems.values(), before, strict=True)
        for index in range(3 if one.task_id == "HumanEval/0" else 1)
    ]
    with RunFolder(tmp_path, {"kind": "test"}) as folder, open_sandbox("process", environment="core") as sandbox:
        for sample in samples:
            folder.append_sample(sample)
        for verdict in sandbox.run(map(suite.trial, samples)):
            folder.append_verdict(verdict)
        verdicts = dict(folder.verdicts)
        check(folder, suite, sandbox, lambda: None)

        assert Counter(verdict.status for verdict in verdicts.values()) == {Status.TIMEOUT: 5, Status.PASSED: 1}
        assert folder.manifest["time_check"] == {"humaneval": {"samples": 4, "fragile": ["HumanEval/0"]}}
        assert folder.verdicts == verdicts


@pytest.mark.slow
def test_a_time_fragile_problem_is_named_wherever_scores_are(tmp_path: Path) -> None:
    """In the card, the report and scores.json."""
    problem = HumanEval().problems()[0]
    solution = BURN.format(3.5) + problem.prompt + problem.reference
    file = write_rows(tmp_path / "s.jsonl", [{"task_id": problem.task_id, "solution": solution}])

    done = harness("score", file, "-b", "humaneval", "--sandbox", "process", "--out", tmp_path / "run")

    assert done.returncode == 0, done.stderr
    told = "HumanEval/0: a sample that timed out passes with four times the time"
    scores = json.loads((tmp_path / "run" / "scores.json").read_text())
    assert scores["time_fragile"] == {"humaneval": ["HumanEval/0"]}
    assert scores["statuses"]["humaneval"] == {"timeout": 1}
    assert f"humaneval time-fragile  {told}" in done.stdout
    assert f"Time-fragile in humaneval: {told}." in (tmp_path / "run" / "report.md").read_text()


def test_the_check_can_be_left_out(tmp_path: Path) -> None:
    """Then nothing is said of time, not even that there is nothing."""
    problem = HumanEval().problems()[0]
    file = write_rows(tmp_path / "s.jsonl", [{"task_id": problem.task_id, "solution": "while True: pass\n"}])

    done = harness(
        *("score", file, "-b", "humaneval", "--sandbox", "process", "--no-time-check", "--out", tmp_path / "run")
    )

    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "run" / "scores.json").read_text())["time_fragile"] == {}
    assert "time-fragile" not in done.stdout
