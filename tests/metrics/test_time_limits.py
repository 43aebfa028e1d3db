"""Time-outs are counted and, on request, retried: problems that then pass are named, and their verdicts stay."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.benchmarks.humaneval import HumanEval
from harness.metrics.time_limits import record_timeouts
from harness.sandboxes import open_sandbox
from harness.store import RunFolder
from harness.tasks.suite import load_suite
from harness.types import CodeForm, Completion, Problem, Program, Status, Verdict
from tests.commands import harness, write_rows

BURN = "import time as _time\n_end = _time.process_time() + {}\nwhile _time.process_time() < _end: pass\n"


class Hasty(HumanEval):
    """HumanEval with a tenth of the time."""

    def program(self, problem: Problem, code: str, form: CodeForm) -> Program:
        program = super().program(problem, code, form)
        return replace(program, limits=replace(program.limits, cpu_time_s=0.3))


def test_only_what_passes_with_more_time_is_fragile(tmp_path: Path) -> None:
    """Not the endless one, not the one that fails later anyway; two of three samples of a problem run again."""
    suite = replace(load_suite("humaneval", limit=4), benchmark=Hasty())
    before = [BURN.format(0.5), "while True: pass\n", BURN.format(0.5) + "raise ValueError\n", ""]
    samples = [
        suite.attach_code(one.task_id, index, Completion(text=""), text + one.prompt + one.reference, CodeForm.SOLUTION)
        for one, text in zip(suite.problems.values(), before, strict=True)
        for index in range(3 if one.task_id == "HumanEval/0" else 1)
    ]
    with RunFolder(tmp_path, {"kind": "test"}) as folder, open_sandbox("process", environment="core") as sandbox:
        for sample in samples:
            folder.append_sample(sample)
        for key, outcome in sandbox.run(map(suite.build_work, samples)):
            folder.append_verdict(Verdict.on(*key, outcome))
        verdicts = dict(folder.verdicts)
        record_timeouts(folder, suite, sandbox, lambda: None, retry=False)
        counted = folder.manifest["time_check"]
        retried: list[None] = []
        record_timeouts(folder, suite, sandbox, lambda: retried.append(None), retry=True)

        assert Counter(verdict.status for verdict in verdicts.values()) == {Status.TIMEOUT: 5, Status.PASSED: 1}
        assert counted == {"humaneval": {"timeouts": 5}}
        found = {"timeouts": 5, "samples": 4, "fragile": ["HumanEval/0"]}
        assert (folder.manifest["time_check"], len(retried)) == ({"humaneval": found}, 4)
        assert folder.verdicts == verdicts


def scored(tmp_path: Path, solution: str, *flags: str) -> tuple[Any, dict[str, Any]]:
    """Return what `harness score` did with a solution of HumanEval/0, and its scores.json."""
    rows = [{"task_id": "HumanEval/0", "solution": solution}]
    file = write_rows(tmp_path / "s.jsonl", rows)
    done = harness("score", file, "-b", "humaneval", "--sandbox", "process", *flags, "--out", tmp_path / "run")
    assert done.returncode == 0, done.stderr
    return done, json.loads((tmp_path / "run" / "scores.json").read_text())


@pytest.mark.slow
def test_a_time_fragile_problem_is_named_wherever_scores_are(tmp_path: Path) -> None:
    """In the card, the report and scores.json."""
    problem = HumanEval().problems()[0]
    solution = BURN.format(3.5) + problem.prompt + problem.reference

    done, scores = scored(tmp_path, solution, "--retry-timeouts", "all")

    told = "HumanEval/0: a sample that timed out passes with four times the time"
    assert scores["time_fragile"] == {"humaneval": ["HumanEval/0"]}
    assert scores["timeouts"] == {"humaneval": {"samples": 1, "retried": 1}}
    assert scores["statuses"]["humaneval"] == {"timeout": 1}
    assert f"humaneval time-fragile  {told}" in done.stdout
    assert f"Time-fragile in humaneval: {told}." in (tmp_path / "run" / "report.md").read_text()


def test_by_default_time_outs_are_counted_and_none_is_retried(tmp_path: Path) -> None:
    """The count is in the card and in scores.json, with the flag that retries them."""
    done, scores = scored(tmp_path, "while True: pass\n")

    assert scores["timeouts"] == {"humaneval": {"samples": 1, "retried": 0}}
    assert scores["time_fragile"] == {}
    assert "humaneval time-outs 1 sample, none retried (--retry-timeouts all does)" in " ".join(done.stdout.split())
    assert "time-fragile" not in done.stdout


@pytest.mark.parametrize(("flag", "which"), [("--time-check", "all"), ("--no-time-check", "none")])
def test_the_old_flag_works_with_a_notice(tmp_path: Path, flag: str, which: str) -> None:
    """One line on stderr names the new one."""
    problem = HumanEval().problems()[0]

    done, scores = scored(tmp_path, problem.prompt + problem.reference, flag)

    (notice,) = [line for line in done.stderr.splitlines() if "time_check" in line]
    assert '"time_check" is now "retry_timeouts"' in notice
    assert (scores["timeouts"], scores["time_fragile"]) == ({}, {"humaneval": []} if which == "all" else {})
