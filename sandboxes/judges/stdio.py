"""Scripts that read standard input and print: each case runs in a process of its own, as `python main.py` would.

What a script should print never leaves host and judge. An output that is the expected one to the byte passes by its
digest; else the judge's worker runs the checker on it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import TYPE_CHECKING

from ...types import Case, Limits, Outcome, Program, Status, Stdio, Trust
from ..expected import Expected
from ..inside import frames, oracle, records
from ..link import Reply
from ..outcomes import outcome_of, unjudgeable
from ..workers import Job
from .kind import Screening, longer, make_misbehaving

if TYPE_CHECKING:
    from ..slot import Slot

CHECK_LIMITS = Limits(cpu_time_s=10.0, wall_time_s=60.0, memory_bytes=2 << 30, output_bytes=1 << 20, processes=64)


class StdioKind:
    """See the module and `kind.Kind`."""

    def outcome(self, slot: Slot, program: Program, judge: Stdio) -> Outcome:
        """Implement `Kind.outcome`; the first case that fails decides."""
        found: list[Outcome] = []
        for number, case in enumerate(judge.cases, 1):
            one = _case(slot, program, judge, case)
            passed = one.status is Status.PASSED
            found.append(one if passed else replace(one, detail=f"case {number}: {one.detail}"))
            if not passed:
                break
        return replace(
            found[-1],
            cpu_time_s=round(sum(one.cpu_time_s for one in found), 6),
            wall_time_s=round(sum(one.wall_time_s for one in found), 6),
            peak_memory_bytes=max(one.peak_memory_bytes for one in found),
        )

    def name(self, judge: Stdio) -> str:
        """Implement `Kind.name`."""
        return hashlib.sha256(json.dumps(asdict(judge), sort_keys=True).encode()).hexdigest()

    def exposes(self, judge: Stdio) -> tuple[str, ...]:  # noqa: ARG002
        """Implement `Kind.exposes`: a script is run whole."""
        return ()

    def has_base(self, judge: Stdio) -> bool:  # noqa: ARG002
        """Implement `Kind.has_base`."""
        return False

    def slower(self, program: Program, judge: Stdio, factor: float) -> tuple[Program, Stdio]:
        """Implement `Kind.slower`."""
        return replace(program, limits=longer(program.limits, factor)), judge

    def shorten(self, judge: Stdio, inputs: int) -> Stdio:
        """Implement `Kind.shorten`."""
        return replace(judge, cases=judge.cases[:inputs])

    def questions(self, judge: Stdio) -> Sequence[Stdio]:
        """Implement `Kind.questions`: a judge per case."""
        return [replace(judge, cases=(case,)) for case in judge.cases]

    def canaries(self, judge: Stdio, entry_point: str) -> Mapping[Status, str]:  # noqa: ARG002
        """Implement `Kind.canaries`."""
        return {Status.WRONG_ANSWER: "print('canary')\n", **make_misbehaving("")}

    def seconds(self, judge: Stdio, expected: Expected) -> float:  # noqa: ARG002
        """Implement `Kind.seconds`."""
        return 0.0

    def build_screening(self, judge: Stdio, entry_point: str) -> Screening | None:  # noqa: ARG002
        """Implement `Kind.build_screening`: nothing is called by name."""
        return None


def _case(slot: Slot, program: Program, judge: Stdio, case: Case) -> Outcome:
    given = case.given.encode("utf-8", "surrogatepass")
    source = frames.prefix_length(program.source.encode("utf-8", "surrogatepass"))
    job = Job(operation="stream", limits=program.limits, blobs=(source, given))
    role = slot.role_of(program)
    reply = slot.run(role, program, job)
    if reply["status"] == "ended":
        return outcome_of(reply, Trust.SPLIT, *_describe_ending(reply.read()))
    if reply["status"] != "reported":
        return outcome_of(reply, Trust.SPLIT)
    expected = case.expected.encode("utf-8", "surrogatepass")
    if judge.checker != "program" and reply["digest"] == hashlib.sha256(expected).hexdigest():
        return outcome_of(reply, Trust.SPLIT, Status.PASSED, "")
    judged = _check(slot, program, judge, (given, expected), reply)
    if judged["status"] in (Status.PASSED, Status.WRONG_ANSWER):
        return outcome_of(reply, Trust.SPLIT, judged["status"], judged["detail"])
    return unjudgeable(f"{judged['status']}: {judged['detail']}")


def _check(slot: Slot, program: Program, judge: Stdio, case: tuple[bytes, bytes], reply: Reply) -> Reply:
    rule = {"checker": judge.checker, "tolerance": judge.tolerance}
    texts = (*case, judge.checker_program.encode("utf-8"))
    job = Job(
        operation="check_output",
        fields={"rule": rule},
        limits=CHECK_LIMITS,
        blobs=tuple(map(frames.prefix_length, texts)),
    )
    return slot.run_judge(program, job, carry=reply)


def _describe_ending(said: bytes) -> tuple[str, str]:
    """Return (status, detail) of a script whose exit code is not 0, from its own word."""
    ending = records.texts(said)
    if ending is None or len(ending) != 2:
        return Status.RUNTIME_ERROR, "exited with another code than 0"
    end, detail = ending
    status = oracle.status_of_end(end, detail)
    return (status if status != Status.PASSED else Status.RUNTIME_ERROR), detail
