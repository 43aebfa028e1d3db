"""Work for sandboxes: programs for a toy problem, `add_one`, and for tests that a test writes itself."""

from __future__ import annotations

from collections.abc import Iterable

from harness.types import Asserts, Key, Limits, Outcome, Program, Sandbox, Work

TESTS = "\nassert add_one(1) == 2\nassert add_one(41) == 42\n"
HONEST = "import math\n\n\ndef add_one(n):\n    return math.floor(n) + 1\n"


def work(source: str, *, key: Key = "toy/0", limits: Limits | None = None) -> Work:
    """Return `source` with the toy problem's tests, which run in its own interpreter."""
    judge = Asserts(tests=TESTS, exposes=("add_one",), split=False)
    return key, Program(source=source, environment="core", limits=limits or Limits()), judge


def apart(
    source: str,
    *,
    tests: str,
    reference: str,
    exposes: tuple[str, ...] = ("f",),
    group: str = "",
    key: Key = "toy/apart",
) -> Work:
    """Return `source` with `tests` that run in another process than it; `reference` passes them, or is ""."""
    program = Program(
        source=source,
        environment="ds1000" if group else "core",
        group=group,
        limits=Limits(cpu_time_s=2.0, memory_bytes=4 << 30 if group else 1 << 30),
    )
    return key, program, Asserts(tests="\n" + tests, exposes=exposes, preamble=reference, reference=reference)


def outcomes(sandbox: Sandbox, items: Iterable[Work]) -> dict[Key, Outcome]:
    """Return the outcomes by key."""
    return dict(sandbox.run(items))


def outcome(sandbox: Sandbox, item: Work) -> Outcome:
    """Return the outcome of one program."""
    ((_, found),) = sandbox.run([item])
    return found
