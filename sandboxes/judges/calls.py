"""Call-based problems: the candidate returns values, the judge compares them with the reference's.

Part by part, each in a process of its own, as evalplus 0.3.1 runs them; a sample that fails one is not asked for the
next, which can change no verdict. Values that are the reference's to the byte pass by their digest alone. Large values
travel as digests; where these differ the values may still be equal (1 and 1.0), and the part is run once more, in
which all that was said must be said again, and these values in full.

Time: a part that took no more CPU time in all than its smallest limit kept them all. One that took more and passes is
run once more with its inputs handed over one by one, where each call can be timed from outside.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from ...types import Calls, Outcome, Part, Program, Status, Trust
from ..expected import Expected
from ..inside import codec, frames, oracle, records
from ..link import Reply, Role
from ..outcomes import ReferenceFailed, outcome_of, unjudgeable
from ..workers import Job
from .kind import Screening, longer, make_misbehaving

if TYPE_CHECKING:
    from ..slot import Slot

PART_BUDGET_S = 60.0
"""EvalPlus's cap on the time of a part."""
STEP_SHARE = 0.25
"""Of the smallest limit: a part whose reference takes more begins with its inputs handed over one by one."""
COMPARE_S = 10.0
"""Seconds that a comparison may take."""
LONGER = 1.05
"""How many times the smallest limit a call's own must be to be told apart from it."""
MAX_REPORT = codec.MAX_BYTES


Times = list[tuple[float, float]]
"""CPU seconds of calls: their own, and those of carrying arguments and value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallLimits:
    """CPU seconds that the calls of a part may take."""

    least_s: float
    longer: Mapping[int, float]
    """Limits of the calls that may take longer, by index."""
    total_s: float
    """Limit of the part."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Reference:
    """Results of the reference in one part."""

    name: str
    """Of everything it depends on."""
    stream: bytes
    """The records of its process."""
    digest: str
    times_s: Times
    exemplary: bool
    """Values equal to these to the byte pass."""
    _limits: dict[tuple[float, float], CallLimits] = field(default_factory=dict, init=False, repr=False)

    @cached_property
    def own_s(self) -> float:
        """Add up the CPU seconds of all calls."""
        return sum(own_s for own_s, _ in self.times_s)

    def limits(self, calls: Calls) -> CallLimits:
        """Return the limits that follow from the reference's times, computed once for all samples."""
        rule = calls.min_time_limit_s, calls.time_factor
        if rule not in self._limits:
            self._limits[rule] = limits_of(calls, self.times_s)
        return self._limits[rule]


class CallsKind:
    """See the module and `kind.Kind`."""

    def outcome(self, slot: Slot, program: Program, judge: Calls) -> Outcome:
        """Implement `Kind.outcome`."""
        found: list[Outcome] = []
        for part in judge.parts:
            found.append(_Part(slot=slot, program=program, calls=judge, part=part).outcome())
            if found[-1].status is not Status.PASSED:
                break
        return replace(
            found[-1],
            base_status=found[0].status if self.has_base(judge) else None,
            cpu_time_s=round(sum(one.cpu_time_s for one in found), 6),
            wall_time_s=round(sum(one.wall_time_s for one in found), 6),
            peak_memory_bytes=max(one.peak_memory_bytes for one in found),
        )

    def name(self, judge: Calls) -> str:
        """Implement `Kind.name`: its key stands for inputs of any size."""
        kept = [(part.name, len(part.inputs)) for part in judge.parts]
        facts = (judge.key, judge.entry_point, judge.reference, judge.oracle, judge.atol)
        return json.dumps([*facts, judge.min_time_limit_s, judge.time_factor, kept])

    def exposes(self, judge: Calls) -> tuple[str, ...]:
        """Implement `Kind.exposes`."""
        return (judge.entry_point,)

    def has_base(self, judge: Calls) -> bool:
        """Implement `Kind.has_base`."""
        return len(judge.parts) > 1

    def slower(self, program: Program, judge: Calls, factor: float) -> tuple[Program, Calls]:
        """Implement `Kind.slower`."""
        more = replace(judge, min_time_limit_s=factor * judge.min_time_limit_s, time_factor=factor * judge.time_factor)
        return replace(program, limits=longer(program.limits, factor)), more

    def shorten(self, judge: Calls, inputs: int) -> Calls:
        """Implement `Kind.shorten`; under a key of its own."""
        parts = tuple(replace(part, inputs=part.inputs[:inputs]) for part in judge.parts)
        return replace(judge, key=f"{judge.key}:first {inputs}", parts=parts)

    def questions(self, judge: Calls) -> Sequence[Calls]:
        """Implement `Kind.questions`: a judge per call, under a key of its own."""
        return [
            replace(
                judge,
                key=f"{judge.key}:{part.name} {number}",
                parts=(Part(name=part.name, inputs=[arguments]),),
            )
            for part in judge.parts
            for number, arguments in enumerate(part.inputs)
        ]

    def canaries(self, judge: Calls, entry_point: str) -> Mapping[Status, str]:  # noqa: ARG002
        """Implement `Kind.canaries`."""
        name = judge.entry_point
        return {Status.WRONG_ANSWER: f"{name} = lambda *_, **__: 'canary'\n", **make_misbehaving(name)}

    def seconds(self, judge: Calls, expected: Expected) -> float:
        """Implement `Kind.seconds`: what the reference took for the same calls."""
        known = (expected.known(_facts(judge, part, ()), _read_reference) for part in judge.parts)
        return sum(reference.own_s for reference in known if reference is not None)

    def build_screening(self, judge: Calls, entry_point: str) -> Screening | None:
        """Implement `Kind.build_screening`."""
        inputs = [list(arguments) for part in judge.parts for arguments in part.inputs]
        exact = judge.oracle == "equal"
        return Screening(name=entry_point, inputs=inputs, reference=judge.reference, exact=exact)


@dataclass(frozen=True, kw_only=True)
class _Part:
    """One part of a judge's calls, on one program."""

    slot: Slot
    program: Program
    calls: Calls
    part: Part

    def outcome(self) -> Outcome:
        """Return the outcome of this part alone."""
        reference = self._reference(())
        if self.slot.trust is Trust.IN_PROCESS:
            return self._in_process(reference)
        least_s = self.calls.min_time_limit_s
        steps = not self.program.trusted and reference.own_s > STEP_SHARE * least_s
        found = self._apart(reference, steps)
        unsure = found.status is Status.PASSED and found.cpu_time_s > least_s
        return found if steps or self.program.trusted or not unsure else self._apart(reference, steps=True)

    def _apart(self, reference: Reference, steps: bool) -> Outcome:
        """Run the candidate's calls and decide about what they returned."""
        reply = self._run(self.program, reference.limits(self.calls), steps=steps)
        if reply["status"] != "reported":  # it was stopped, or died
            return outcome_of(reply, Trust.SPLIT)
        if reference.exemplary and reply["done"] and reply["digest"] == reference.digest:
            return outcome_of(reply, Trust.SPLIT, Status.PASSED, "")
        judged = self._compare(reference, (), carry=reply)
        if judged["status"] != "unsure":
            return self._decide(reply, judged)
        reveal = judged["more"]["unsure"]
        full = self._reference(reveal)
        again = self._run(self.program, reference.limits(self.calls), steps=steps, reveal=reveal)
        if again["status"] != "reported":
            return outcome_of(again, Trust.SPLIT)
        if again["digest"] != reply["digest"]:
            return outcome_of(again, Trust.SPLIT, Status.WRONG_ANSWER, "its answers change from run to run")
        return self._decide(again, self._compare(full, reveal, carry=again))

    def _decide(self, reply: Reply, judged: Reply) -> Outcome:
        if not judged["more"]:
            return unjudgeable(judged["detail"])
        opaque = judged["more"]["opaque"] if judged["status"] != Status.PASSED else []
        return outcome_of(reply, Trust.SPLIT, judged["status"], judged["detail"], name=opaque[0] if opaque else "")

    def _in_process(self, reference: Reference) -> Outcome:
        """Run calls and comparison in one interpreter; what comes out can be forged."""
        role = Role.REFERENCE if self.program.trusted else Role.IN_PROCESS
        reveal: Sequence[int] = ()
        for last in (False, True):
            full = self._reference(reveal) if reveal else reference
            worker = self.slot.worker(role, self.program)
            worker.store(self.calls.key, full.name, partial(_pack_stored, full))
            asked = self._describe_calls(reference.limits(self.calls))
            fields = {**asked, **self._rule(full, reveal), "may_be_unsure": not last}
            job = replace(self._job("judged_calls", self.program, fields, steps=False), max_report=1 << 20)
            reply = self.slot.run(role, self.program, job)
            if reply["status"] != "unsure":
                break
            known = range(len(self.part.inputs))
            reveal = [index for index in reply["more"].get("unsure", ()) if index in known]
        return outcome_of(reply, Trust.IN_PROCESS)

    def _run(
        self,
        program: Program,
        limits: CallLimits,
        *,
        steps: bool = False,
        reveal: Sequence[int] = (),
        timed: bool = False,
    ) -> Reply:
        """Run the calls of a program where its values are reported."""
        fields = {**self._describe_calls(limits), "reveal": reveal, "timed": timed}
        return self.slot.run(self.slot.role_of(program), program, self._job("calls", program, fields, steps=steps))

    def _job(self, operation: str, program: Program, fields: dict[str, Any], *, steps: bool) -> Job:
        budget_s = fields.pop("budget_s")
        limits = replace(program.limits, cpu_time_s=budget_s, wall_time_s=budget_s + program.limits.wall_time_s)
        source = frames.prefix_length(program.source.encode("utf-8", "surrogatepass"))
        blobs = source, self._inputs(steps)
        fields["steps"] = steps
        return Job(operation=operation, fields=fields, limits=limits, max_report=MAX_REPORT, blobs=blobs)

    def _inputs(self, steps: bool) -> bytes:
        """Return the inputs as they are handed over: in one chunk, which is kept, or one by one."""
        if steps:
            return pack_inputs(self.part.inputs, steps=True)
        facts = ["inputs", self.calls.key, self.part.name, len(self.part.inputs)]
        return self.slot.expected.of(facts, lambda: pack_inputs(self.part.inputs, steps=False), lambda _, blob: blob)

    def _describe_calls(self, limits: CallLimits) -> dict[str, Any]:
        """Return what a child needs to make the calls, and the worker to time them."""
        return {
            "entry_point": self.calls.entry_point,
            "key": self.calls.key,
            "reveal": (),
            "values": len(self.part.inputs),
            "timing": {"limit_s": limits.least_s, "longer": limits.longer},
            "budget_s": limits.total_s,
        }

    def _rule(self, reference: Reference, reveal: Sequence[int]) -> dict[str, Any]:
        """Return what the comparison with a reference's values needs."""
        return {"oracle": self.calls.oracle, "atol": self.calls.atol, "expected": reference.name, "reveal": reveal}

    def _compare(
        self, reference: Reference, reveal: Sequence[int], carry: Reply | None = None, stream: bytes = b""
    ) -> Reply:
        """Compare what a process reported with what the reference's did."""
        judge = self.slot.worker(Role.JUDGE, self.program)
        judge.store(self.calls.key, reference.name, partial(_pack_stored, reference))
        inputs = f"inputs of {self.part.name}"
        if self.calls.oracle in oracle.NEED_INPUTS:
            judge.store(self.calls.key, inputs, lambda: ("inputs", frames.chunks(self._inputs(steps=False))))
        fields = {
            "key": self.calls.key,
            "inputs": inputs,
            **self._rule(reference, reveal),
            "seconds": COMPARE_S,
        }
        return self.slot.compare(judge, fields, carry, stream)

    def _reference(self, reveal: Sequence[int]) -> Reference:
        """Return what the reference returns; with values told in full, it is kept for this run alone."""
        facts = _facts(self.calls, self.part, reveal)
        return self.slot.expected.of(
            facts, partial(self._compute_reference, reveal), _read_reference, lasting=not reveal
        )

    def _compute_reference(self, reveal: Sequence[int]) -> bytes:
        """Run the reference where no candidate is, and see whether its own values pass."""
        trusted = replace(self.program, source=self.calls.reference, trusted=True)
        unlimited = CallLimits(least_s=PART_BUDGET_S, longer={}, total_s=10 * PART_BUDGET_S)
        reply = self._run(trusted, unlimited, steps=True, reveal=reveal, timed=True)
        if reply["status"] != "reported" or not reply["done"]:
            # one that stopped early would leave the inputs behind it untested
            how = "an exception" if reply["status"] == "reported" else f"{reply['status']}: {reply['detail']}"
            raise ReferenceFailed(f"the reference of {self.calls.key} ended with {how}")
        stream = reply.read()
        times_s = records.parse(stream).times
        own = Reference(
            name=f"own {self.part.name}", stream=stream, digest=reply["digest"], times_s=times_s, exemplary=False
        )
        judged = self._compare(own, reveal, stream=stream)
        exemplary = judged["status"] == Status.PASSED and not judged["more"]["opaque"]
        return frames.prefix_length(codec.encode((exemplary, own.digest, times_s))) + frames.prefix_length(stream)


def pack_inputs(inputs: Sequence[Sequence[Any]], *, steps: bool) -> bytes:
    """Return inputs as chunks: each in its own, or all in one that `inside.calls.inputs_of` reads."""
    values = [list(given) for given in inputs]
    if steps:
        return b"".join(frames.prefix_length(codec.encode(given, arguments=True)) for given in values)
    try:
        text = json.dumps(values)  # several times as fast to read
        if json.loads(text) == values:  # tuples, sets, keys that are no strings, NaN are not
            return frames.prefix_length(text.encode("ascii"))
    except (TypeError, ValueError, RecursionError):
        pass
    return frames.prefix_length(codec.encode(values, arguments=True))


def _pack_stored(reference: Reference) -> tuple[str, list[bytes]]:
    return "expected", [reference.stream]


def limits_of(calls: Calls, times_s: Times) -> CallLimits:
    """Return the limits of a part's calls from the reference's times.

    Carrying arguments and value comes on top, since the worker's clock cannot tell it from the call.
    """
    factor, least_s = calls.time_factor, calls.min_time_limit_s
    limits_s = [max(least_s, factor * own_s) + factor * carried_s for own_s, carried_s in times_s]
    return CallLimits(
        least_s=least_s,
        longer={index: limit_s for index, limit_s in enumerate(limits_s) if limit_s > LONGER * least_s},
        total_s=min(PART_BUDGET_S, sum(limits_s)) + 1,
    )


def _facts(calls: Calls, part: Part, reveal: Sequence[int]) -> list[Any]:
    """Return all that the reference's answers depend on."""
    return [calls.key, part.name, calls.entry_point, calls.reference, calls.oracle, calls.atol, list(reveal)]


def _read_reference(name: str, blob: bytes) -> Reference:
    facts, stream = frames.chunks(blob)
    exemplary, digest, times_s = codec.decode(facts)
    return Reference(name=name, stream=stream, digest=digest, times_s=times_s, exemplary=exemplary)
