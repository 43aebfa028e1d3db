"""Whole benchmarks judged in Docker, once in each mode for all tests that look at the outcomes."""

from __future__ import annotations

import json
import os
from functools import cache
from pathlib import Path

from harness.registry import lookup
from harness.sandboxes import open_sandbox
from harness.types import CodeForm, Outcome, Trust, Work

GOLDEN = ("humaneval", "humaneval-plus")
"""The benchmarks of which there are golden samples."""


def samples_of(name: str) -> tuple[str, list[Work]]:
    """Return the environment, and the golden samples or references of a benchmark, by task."""
    benchmark = lookup("benchmarks", name)()
    problems = {problem.task_id: problem for problem in benchmark.problems()}
    codes = {task_id: problem.reference for task_id, problem in problems.items()}
    if name in GOLDEN:
        file = Path(os.environ["HARNESS_DATA_DIR"]) / "golden" / "wizardcoder-15b-humaneval.samples.jsonl"
        rows = map(json.loads, file.read_text(encoding="utf-8").splitlines())
        codes = {row["task_id"]: row["completion"] for row in rows}
    work = [
        (
            task_id,
            benchmark.program(problems[task_id], code, CodeForm.COMPLETION),
            benchmark.judge(problems[task_id]),
        )
        for task_id, code in codes.items()
    ]
    return benchmark.environment, work


@cache
def in_docker(name: str, trust: Trust = Trust.SPLIT) -> dict[str, Outcome]:
    """Return by task the outcome of a benchmark's reference, or of its golden sample. The image has to be there."""
    environment, work = samples_of(name)
    with open_sandbox("docker", environment=environment, trust=trust) as sandbox:
        return dict(sandbox.run(work))
