"""Whole benchmarks judged in Docker, once in each mode for all tests that look at the verdicts."""

from __future__ import annotations

from functools import cache

from harness.sandboxes import open_sandbox
from harness.types import Trust, Verdict
from tests.performance.steadiness import trials


@cache
def in_docker(name: str, trust: Trust = Trust.SPLIT) -> dict[str, Verdict]:
    """By task: the verdict of a benchmark's reference, or of its golden sample. The image has to be there."""
    environment, programs = trials(name)
    with open_sandbox("docker", environment=environment, trust=trust) as sandbox:
        return {verdict.task_id: verdict for verdict in sandbox.run(programs)}
