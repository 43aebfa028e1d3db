"""How cost grows: milliseconds per trial and memory from 164 trials to 32,800, and the distance to the limit.

The limit of a benchmark is the CPU time of the programs themselves over the cores. Docker, split verdicts, no verdict
cache but where it says so. `python -m tests.performance.growth [--up-to N]`.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from harness.registry import lookup
from harness.sandboxes import open_sandbox
from harness.types import CodeForm, Trial

CORES = len(os.sched_getaffinity(0))


def golden_trials(copies: int) -> Iterator[Trial]:
    """WizardCoder-15B's samples of HumanEval, `copies` times."""
    benchmark = lookup("benchmarks", "humaneval")()
    problems = {problem.task_id: problem for problem in benchmark.problems()}
    file = Path(os.environ["HARNESS_DATA_DIR"]) / "golden" / "wizardcoder-15b-humaneval.samples.jsonl"
    rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    for index in range(copies):
        for row in rows:
            yield benchmark.trial(problems[row["task_id"]], row["completion"], CodeForm.COMPLETION, index)


def growth(up_to: int) -> None:
    """A line for each number of trials."""
    for copies in (1, 1, 10, 100, 200):
        if 164 * copies > up_to:
            return
        with open_sandbox("docker", environment="core") as sandbox:
            start = time.monotonic()
            count = sum(1 for _ in sandbox.run(golden_trials(copies)))
            seconds = time.monotonic() - start
            pool: Any = sandbox.describe()["peak_memory_bytes"]
        host = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
        print(
            f"{count:>6} trials  {seconds:7.2f} s  {1000 * seconds / count:5.2f} ms each  "
            f"host peak {host} MB  containers peak {pool >> 20} MB",
            flush=True,
        )


def distance(name: str) -> None:
    """Wall time of the references over their own CPU time on all cores; the second round, when all is warm."""
    benchmark = lookup("benchmarks", name)()
    problems = benchmark.problems()
    with open_sandbox("docker", environment=benchmark.environment) as sandbox:
        for _ in range(2):
            start = time.monotonic()
            trials = (benchmark.trial(one, one.reference, CodeForm.COMPLETION, 0) for one in problems)
            cpu_s = sum(verdict.cpu_time_s for verdict in sandbox.run(trials))
            seconds = time.monotonic() - start
        pool: Any = sandbox.describe()["peak_memory_bytes"]
    limit = cpu_s / CORES
    print(
        f"{name:<16} {seconds:7.2f} s wall, programs {cpu_s:7.2f} s CPU on {CORES} cores: {seconds / limit:4.2f} times "
        f"the limit; containers peak {pool >> 20} MB",
        flush=True,
    )


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--up-to", type=int, default=32800, help="trials")
    asked = parser.parse_args()
    growth(asked.up_to)
    for name in ("humaneval-plus", "mbpp-plus", "ds1000"):
        distance(name)


if __name__ == "__main__":
    main()
