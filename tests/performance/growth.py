"""How cost grows: milliseconds per program and memory from 164 programs to 32,800, and the distance to the limit.

The limit of a benchmark is the CPU time of the programs themselves over the cores. Docker, split verdicts, no verdict
cache but where it says so. `python -m tests.performance.growth [--up-to N]`.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from harness.registry import lookup
from harness.sandboxes import open_sandbox
from harness.types import CodeForm, Work

from .measure import cost_of

CORES = len(os.sched_getaffinity(0))


def golden() -> list[str]:
    """WizardCoder-15B's samples of HumanEval, a line each."""
    file = Path(os.environ["HARNESS_DATA_DIR"]) / "golden" / "wizardcoder-15b-humaneval.samples.jsonl"
    return file.read_text(encoding="utf-8").splitlines()


def golden_work(copies: int) -> Iterator[Work]:
    """The golden samples, `copies` times."""
    benchmark = lookup("benchmarks", "humaneval")()
    problems = {problem.task_id: problem for problem in benchmark.problems()}
    for index in range(copies):
        for row in map(json.loads, golden()):
            problem = problems[row["task_id"]]
            program = benchmark.program(problem, row["completion"], CodeForm.COMPLETION)
            yield (problem.task_id, index), program, benchmark.judge(problem)


def growth(up_to: int) -> None:
    """A line for each number of programs."""
    for copies in (1, 1, 10, 100, 200):
        if 164 * copies > up_to:
            return
        with open_sandbox("docker", environment="core") as sandbox:
            start = time.monotonic()
            count = sum(1 for _ in sandbox.run(golden_work(copies)))
            seconds = time.monotonic() - start
            pool: Any = sandbox.describe()["peak_memory_bytes"]
        host = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
        print(
            f"{count:>6} programs  {seconds:7.2f} s  {1000 * seconds / count:5.2f} ms each  "
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
            work = (
                (one.task_id, benchmark.program(one, one.reference, CodeForm.COMPLETION), benchmark.judge(one))
                for one in problems
            )
            cpu_s = sum(outcome.cpu_time_s for _, outcome in sandbox.run(work))
            seconds = time.monotonic() - start
        pool: Any = sandbox.describe()["peak_memory_bytes"]
    limit = cpu_s / CORES
    print(
        f"{name:<16} {seconds:7.2f} s wall, programs {cpu_s:7.2f} s CPU on {CORES} cores: {seconds / limit:4.2f} times "
        f"the limit; containers peak {pool >> 20} MB",
        flush=True,
    )


def saving(copies: int) -> None:
    """The samples `copies` times, as a whole command: without the verdict cache, with an empty and with a full one."""
    with tempfile.TemporaryDirectory() as scratch:
        once, often = Path(scratch, "once.jsonl"), Path(scratch, "often.jsonl")
        for file, times in ((once, 1), (often, copies)):
            file.write_text("".join(line + "\n" for line in golden()) * times, encoding="utf-8")
        score = [sys.executable, "-m", "harness", "score", "-b", "humaneval", "--sandbox", "docker", "--no-page"]
        cache = {"XDG_CACHE_HOME": f"{scratch}/cache"}
        cost_of([*score, str(once), "--no-cache", "--out", f"{scratch}/once"], cache)  # what references do is kept
        for how, flags in (("none", ["--no-cache"]), ("empty", []), ("full", [])):
            cost = cost_of([*score, str(often), *flags, "--out", f"{scratch}/{how}"], cache)
            print(
                f"{164 * copies:>6} programs, verdict cache {how:<5}  {cost.wall_s:7.2f} s {cost.cpu_s:7.2f} s CPU",
                flush=True,
            )


def main() -> None:
    """Print all tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--up-to", type=int, default=32800, help="programs")
    asked = parser.parse_args()
    growth(asked.up_to)
    saving(asked.up_to // 164)
    for name in ("humaneval-plus", "mbpp-plus", "ds1000"):
        distance(name)


if __name__ == "__main__":
    main()
