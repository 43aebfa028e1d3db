"""Interface of a kind of judge: run a program and decide about it, and answer for its own data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from ...types import Limits, Outcome, Program, Status
from ..expected import Expected

if TYPE_CHECKING:
    from ..slot import Slot

J = TypeVar("J")

MISBEHAVIOUR = {
    Status.RUNTIME_ERROR: "raise RuntimeError('canary')",
    Status.TIMEOUT: "while True: pass",
    Status.MEMORY: "held = [b'x' * (number << 20) for number in range(1, 1 << 20)]",
}
"""A statement each, for the body of a function or a place in a script."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Screening:
    """A judge's tests in a form in which one function after another can be tried against them, roughly."""

    name: str
    """The function that they call."""
    tests: str = ""
    """Tests that raise; "" where `inputs` are compared with the reference's answers instead."""
    inputs: Sequence[Sequence[Any]] = ()
    reference: str = ""
    exact: bool = True
    """False where values need not be equal to the reference's."""


class Kind(Protocol[J]):
    """One kind of judge; without state."""

    def outcome(self, slot: Slot, program: Program, judge: J) -> Outcome:
        """Run `program` and decide about it.

        Raises:
            LinkLost: a worker is lost, or no process could be started; the program may be tried again.
        """

    def name(self, judge: J) -> str:
        """Return what stands for `judge` in caches and messages: equal names decide equally. "": each run counts."""

    def exposes(self, judge: J) -> tuple[str, ...]:
        """Return the names of the candidate's that are called."""

    def has_base(self, judge: J) -> bool:
        """Tell whether outcomes have a `base_status`."""

    def slower(self, program: Program, judge: J, factor: float) -> tuple[Program, J]:
        """Return both with `factor` times the time."""

    def shorten(self, judge: J, inputs: int) -> J:
        """Return a judge that asks at most the first `inputs` questions of each part, where it can be cut."""

    def questions(self, judge: J) -> Sequence[J]:
        """Return judges that each ask one question of `judge`, all of which a program passes if it passes `judge`."""

    def canaries(self, judge: J, entry_point: str) -> Mapping[Status, str]:
        """Return code that must get each status, as a solution; nothing where a function alone does not fit."""

    def seconds(self, judge: J, expected: Expected) -> float:
        """Return the CPU seconds that a program is expected to take; 0 where that is not known."""

    def build_screening(self, judge: J, entry_point: str) -> Screening | None:
        """Return what functions can be tried against; None where no function is called."""


def longer(limits: Limits, factor: float) -> Limits:
    """Return limits of `factor` times the time."""
    return replace(limits, cpu_time_s=factor * limits.cpu_time_s, wall_time_s=factor * limits.wall_time_s)


def make_misbehaving(name: str) -> dict[Status, str]:
    """Return functions called `name` that misbehave when they are called, or bare statements without a name."""
    head = f"def {name}(*_, **__):\n    " if name else ""
    return {status: f"{head}{statement}\n" for status, statement in MISBEHAVIOUR.items()}
