"""Scripts that are run and not judged: what they print comes back, as from `python main.py`.

The program's own process tells return code, stdout and stderr, so it can tell anything. Whoever wants a verdict that a
program cannot forge uses another kind of judge.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from ...types import Execution, Outcome, Printed, Program, Status, Trust
from .. import inside
from ..expected import Expected
from ..inside import frames
from ..outcomes import outcome_of
from ..workers import Job
from .kind import Screening, longer

if TYPE_CHECKING:
    from ..slot import Slot

SHARE = 12
"""Stdout and stderr may each have one part in so many of the output limit: as JSON a byte takes up to six."""


class ExecutionKind:
    """See the module and `kind.Kind`."""

    def outcome(self, slot: Slot, program: Program, judge: Execution) -> Outcome:
        """Implement `Kind.outcome`; passed is what exits with code 0."""
        most = program.limits.output_bytes // SHARE
        source = f"{_read_capture()}\n\nmain({program.source!r}, {most})\n"
        blobs = (
            frames.prefix_length(source.encode("utf-8", "surrogatepass")),
            judge.given.encode("utf-8", "surrogatepass"),
        )
        reply = slot.run(slot.role_of(program), program, Job(operation="stream", limits=program.limits, blobs=blobs))
        if reply["status"] not in ("reported", "ended"):
            return _build_printed(outcome_of(reply, Trust.IN_PROCESS), {})
        told = _parse(reply.read()) if reply["status"] == "reported" else {}
        status = Status.PASSED if told and not told["return_code"] else Status.RUNTIME_ERROR
        return _build_printed(outcome_of(reply, Trust.IN_PROCESS, status, ""), told or {"return_code": 1})

    def name(self, judge: Execution) -> str:  # noqa: ARG002
        """Implement `Kind.name`: what a program prints is not kept."""
        return ""

    def exposes(self, judge: Execution) -> tuple[str, ...]:  # noqa: ARG002
        """Implement `Kind.exposes`."""
        return ()

    def has_base(self, judge: Execution) -> bool:  # noqa: ARG002
        """Implement `Kind.has_base`."""
        return False

    def slower(self, program: Program, judge: Execution, factor: float) -> tuple[Program, Execution]:
        """Implement `Kind.slower`."""
        return replace(program, limits=longer(program.limits, factor)), judge

    def shorten(self, judge: Execution, inputs: int) -> Execution:  # noqa: ARG002
        """Implement `Kind.shorten`."""
        return judge

    def questions(self, judge: Execution) -> Sequence[Execution]:
        """Implement `Kind.questions`."""
        return [judge]

    def canaries(self, judge: Execution, entry_point: str) -> Mapping[Status, str]:  # noqa: ARG002
        """Implement `Kind.canaries`."""
        return {}

    def seconds(self, judge: Execution, expected: Expected) -> float:  # noqa: ARG002
        """Implement `Kind.seconds`."""
        return 0.0

    def build_screening(self, judge: Execution, entry_point: str) -> Screening | None:  # noqa: ARG002
        """Implement `Kind.build_screening`."""
        return None


@cache
def _read_capture() -> str:
    return files(inside).joinpath("capture.py").read_text(encoding="utf-8")


def _parse(said: bytes) -> dict[str, Any]:
    """Return what the wrapper reported; nothing if the program wrote something else there."""
    try:
        code, stdout, stderr = json.loads(said)
    except (ValueError, TypeError, RecursionError):
        return {}
    if type(code) is not int or type(stdout) is not str or type(stderr) is not str:
        return {}
    return {"return_code": code, "stdout": stdout, "stderr": stderr}


def _build_printed(outcome: Outcome, told: Mapping[str, Any]) -> Printed:
    return Printed(**asdict(outcome), **told)
