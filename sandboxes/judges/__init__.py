"""The kinds of judge: a table from what decides (data, in `harness.types`) to the file that knows all about it.

To add a kind, write its data in `harness/types.py`, a file here that satisfies `kind.Kind`, and a line in `KINDS`.
Nothing outside this folder and the benchmarks asks which kind a judge is.
"""

from __future__ import annotations

from typing import Any

from ...errors import UsageError
from ...types import Asserts, Calls, Commands, Execution, Judge, Stdio
from .asserts import AssertsKind
from .calls import CallsKind
from .commands import CommandsKind
from .execution import ExecutionKind
from .kind import Kind
from .stdio import StdioKind

KINDS: dict[type, Kind[Any]] = {
    Asserts: AssertsKind(),
    Calls: CallsKind(),
    Stdio: StdioKind(),
    Commands: CommandsKind(),
    Execution: ExecutionKind(),
}


def kind_of(judge: Judge) -> Kind[Any]:
    """Return what knows about a judge of this type.

    Raises:
        UsageError: none does; a benchmark made something else.
    """
    kind = KINDS.get(type(judge))
    if kind is None:
        known = ", ".join(one.__name__ for one in KINDS)
        raise UsageError(f"a judge is of type {type(judge).__name__}; Benchmark.judge must return one of {known}")
    return kind


def identity(judge: Judge) -> tuple[str, str]:
    """Return the type of `judge` and what stands for it among judges of that type: equal pairs decide equally.

    Raises:
        UsageError: as `kind_of`.
    """
    return type(judge).__name__, kind_of(judge).name(judge)


def program_tests(tests: str, *, exposes: tuple[str, ...] = ()) -> Judge:
    """Return a judge for tests that run in the program's own interpreter, for programs that are no benchmark's."""
    return Asserts(tests=tests, exposes=exposes, split=False)
