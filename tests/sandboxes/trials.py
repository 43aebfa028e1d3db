"""Trials of a toy problem: `add_one`."""

from __future__ import annotations

from harness.types import Asserts, Limits, Trial

TESTS = "\nassert add_one(1) == 2\nassert add_one(41) == 42\n"
HONEST = "import math\n\n\ndef add_one(n):\n    return math.floor(n) + 1\n"


def trial(source: str, *, task_id: str = "toy/0", limits: Limits | None = None) -> Trial:
    """`source` judged by the toy problem's tests."""
    return Trial(
        benchmark="toy",
        task_id=task_id,
        index=0,
        source=source,
        judge=Asserts(tests=TESTS, exposes=("add_one",)),
        environment="core",
        limits=limits or Limits(),
    )
