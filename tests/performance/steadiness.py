"""Do verdicts hang on how busy the machine is? The same samples, alone and beside busy loops.

Golden samples and references in Docker, split verdicts, no verdict cache; what a judge knows of references is warm.
`python -m tests.performance.steadiness [--loops N] [--rounds N] [NAME...]`.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from harness.sandboxes import open_sandbox
from harness.types import Work
from tests.judged import GOLDEN, samples_of

Statuses = dict[str, tuple[str, str | None]]


def statuses(environment: str, work: list[Work]) -> Statuses:
    """Return by task the status, and that of the base part."""
    with open_sandbox("docker", environment=environment) as sandbox:
        return {
            task_id: (outcome.status.value, outcome.base_status and outcome.base_status.value)
            for task_id, outcome in sandbox.run(work)
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
        environment, work = samples_of(name)
        alone = statuses(environment, work)
        for number in range(1, asked.rounds + 1):
            start = time.monotonic()
            with busy(asked.loops):
                beside = statuses(environment, work)
            seconds = time.monotonic() - start
            other = {task_id: (alone[task_id], found) for task_id, found in beside.items() if found != alone[task_id]}
            print(
                f"{name:<16} round {number} beside {asked.loops} loops {seconds:7.1f} s  {len(beside)} verdicts, "
                f"{len(other)} differ {other or ''}",
                flush=True,
            )


if __name__ == "__main__":
    main()
