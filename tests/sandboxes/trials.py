"""Trials of a toy problem: `add_one`."""

from __future__ import annotations

from harness.types import Asserts, Limits, Proxied, Trial

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


def apart(source: str, *, tests: str, reference: str, exposes: tuple[str, ...] = ("f",), group: str = "") -> Trial:
    """`source` judged by `tests` that run in another process than it; `reference` passes them."""
    proxied = Proxied(
        source=source, exposes=exposes, preamble=reference, tests=tests, reference=reference, reference_tests=tests
    )
    return Trial(
        benchmark="toy",
        task_id="toy/apart",
        index=0,
        source=source,
        judge=Asserts(tests="\n" + tests, exposes=exposes, proxied=proxied),
        environment="ds1000" if group else "core",
        group=group,
        limits=Limits(cpu_time_s=2.0, memory_bytes=4 << 30 if group else 1 << 30),
    )
