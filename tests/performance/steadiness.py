"""Do verdicts hang on how busy the machine is? The same samples, alone and beside busy loops.

Golden samples and references in Docker, split verdicts, no verdict cache; what a judge knows of references is warm.
`python -m tests.performance.steadiness [--loops N] [--rounds N] [NAME...]`.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.registry import lookup
from harness.sandboxes import open_sandbox
from harness.types import CodeForm, Trial

Statuses = dict[str, tuple[str, str | None]]
GOLDEN = ("humaneval", "humaneval-plus")


def trials(name: str) -> tuple[str, list[Trial]]:
    """The environment, and the golden samples or references of a benchmark."""
    benchmark = lookup("benchmarks", name)()
    problems = {problem.task_id: problem for problem in benchmark.problems()}
    codes = {task_id: problem.reference for task_id, problem in problems.items()}
    if name in GOLDEN:
        file = Path(os.environ["HARNESS_DATA_DIR"]) / "golden" / "wizardcoder-15b-humaneval.samples.jsonl"
        rows = map(json.loads, file.read_text(encoding="utf-8").splitlines())
        codes = {row["task_id"]: row["completion"] for row in rows}
    made = [benchmark.trial(problems[task_id], code, CodeForm.COMPLETION, 0) for task_id, code in codes.items()]
    return benchmark.environment, made


def statuses(environment: str, programs: list[Trial]) -> Statuses:
    """By task: the status, and that of the base part."""
    with open_sandbox("docker", environment=environment) as sandbox:
        return {
            verdict.task_id: (verdict.status.value, verdict.base_status and verdict.base_status.value)
            for verdict in sandbox.run(programs)
        }


@contextmanager
def busy(loops: int) -> Iterator[None]:
    """So many processes that compute without end."""
    running = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(loops)]
    try:
        yield
    finally:
        for process in running:
            process.kill()
            process.wait()


def main() -> None:
    """A line for each benchmark and round."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", default=[*GOLDEN, "mbpp", "mbpp-plus", "ds1000"])
    parser.add_argument("--loops", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    for name in asked.names:
        environment, programs = trials(name)
        alone = statuses(environment, programs)
        for number in range(1, asked.rounds + 1):
            start = time.monotonic()
            with busy(asked.loops):
                beside = statuses(environment, programs)
            seconds = time.monotonic() - start
            other = {task_id: (alone[task_id], found) for task_id, found in beside.items() if found != alone[task_id]}
            print(
                f"{name:<16} round {number} beside {asked.loops} loops {seconds:7.1f} s  {len(beside)} verdicts, "
                f"{len(other)} differ {other or ''}",
                flush=True,
            )


if __name__ == "__main__":
    main()
