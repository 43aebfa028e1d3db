"""Call-based problems: the candidate returns values, the judge compares them with the reference's.

Large values travel as digests. Where digests differ the values may still be equal (1 and 1.0): then the call is
made again with its value revealed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from ..types import Calls, Limits, Status, Trial, Trust, Verdict
from .expected import Expected
from .inside import codec, frames, oracle
from .inside.calls import DONE
from .link import LinkLost
from .workers import Answer, Job, Workers, verdict_of

PART_BUDGET_S = 60.0
"""EvalPlus's cap on the time of a part."""
Reveal = tuple[tuple[int, ...], ...]
"""For each part the calls whose values are told in full, however large."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """What the reference did, by part."""

    name: str
    """Of everything it depends on."""
    ends: list[bytes]
    values: list[bytes]
    times_s: list[list[float]]
    exemplary: bool
    """Values equal to these to the byte pass."""


class ByCalls:
    """Judges trials whose judge is `Calls`."""

    def __init__(self, workers: Workers, expected: Expected, trust: Trust) -> None:
        self._workers = workers
        self._expected = expected
        self._trust = trust

    def judge(self, trial: Trial, calls: Calls) -> Verdict:
        """The verdict; LinkLost where a worker is lost."""
        verdict = self._judge(trial, calls, self._trust)
        if verdict.uncarried and self._judge(trial, calls, Trust.IN_PROCESS).status is not Status.PASSED:
            return replace(verdict, uncarried="")
        return verdict

    def _judge(self, trial: Trial, calls: Calls, trust: Trust) -> Verdict:
        reveal: Reveal = tuple(() for _ in calls.parts)
        while True:  # ends: each turn names a call that was not named before
            facts = [calls.key, calls.entry_point, calls.reference, calls.oracle, calls.atol, reveal]
            reference = self._expected.of(facts, partial(self._reference, trial, calls, reveal), _read)
            judge = self._apart if trust is Trust.SPLIT else self._in_process
            judged = judge(trial, calls, reveal, reference)
            if isinstance(judged, Verdict):
                return judged
            part, index = judged
            reveal = tuple((*seen, index) if number == part else seen for number, seen in enumerate(reveal))

    def _in_process(
        self, trial: Trial, calls: Calls, reveal: Reveal, reference: Reference
    ) -> Verdict | tuple[int, int]:
        """A verdict of the candidate's interpreter, or the (part, call) whose value has to be revealed."""
        budgets, limits = _limited(trial, calls, reference)
        worker = self._workers.candidate(trial.environment, trial.group)
        worker.store(calls.key, reference.name, lambda: reference.values)
        worker.store(calls.key, "inputs", lambda: inputs_of(calls))
        rule = {"oracle": calls.oracle, "atol": calls.atol, "expected": reference.name}
        fields = _request(calls, trial.source, budgets, reveal) | rule
        answer, _ = self._workers.run(trial, Job(operation="judged_calls", fields=fields, limits=limits))
        parts = answer["parts"]
        if answer["status"] == "unsure":
            return parts[0], parts[1]
        return verdict_of(trial, answer, Trust.IN_PROCESS, base=parts[0] if parts else answer["status"])

    def _apart(self, trial: Trial, calls: Calls, reveal: Reveal, reference: Reference) -> Verdict | tuple[int, int]:
        """The judge's verdict on the values that the candidate's process reported, or as `_in_process`."""
        budgets, limits = _limited(trial, calls, reference)
        fields = _request(calls, trial.source, budgets, reveal)
        answer, blob = self._values(trial, calls, fields, limits)
        if answer["status"] == "reported" and reference.exemplary and _told(blob) == (reference.ends, reference.values):
            return verdict_of(trial, answer | {"status": Status.PASSED}, Trust.SPLIT, base=Status.PASSED)
        compared = self._compare(trial, calls, reference, reveal, (answer, blob))
        if compared["status"] == "unsure":
            return compared["parts"][0], compared["parts"][1]
        results = [(status, detail) for status, detail in compared["results"]]
        if answer["status"] != "reported":  # it was stopped or died: what it had told by then still counts
            results.append((answer["status"], answer["detail"]))
        elif len(results) != len(calls.parts):
            results.append((Status.RUNTIME_ERROR, "exited with code 0 before its calls ended"))
        failed = [result for result in results if result[0] != Status.PASSED]
        status, detail = failed[0] if failed else (Status.PASSED, "")
        verdict = verdict_of(trial, answer | {"status": status, "detail": detail}, Trust.SPLIT, base=results[0][0])
        opaque = compared["opaque"]
        return replace(verdict, uncarried=opaque[0]) if opaque and failed else verdict

    def _values(self, trial: Trial, calls: Calls, fields: dict[str, Any], limits: Limits) -> tuple[Answer, bytes]:
        worker = self._workers.candidate(trial.environment, trial.group)
        worker.store(calls.key, "inputs", lambda: inputs_of(calls))
        job = Job(operation="calls", fields=fields, limits=limits, max_report=codec.MAX_BYTES)
        return self._workers.run(trial, job)

    def _compare(
        self, trial: Trial, calls: Calls, reference: Reference, reveal: Reveal, reported: tuple[Answer, bytes]
    ) -> Answer:
        """The judge's word on what a process reported: its worker's answer, and the values."""
        answer, blob = reported
        judge = self._workers.judge(trial.environment, "")
        judge.store(calls.key, reference.name, lambda: reference.values)
        if calls.oracle in oracle.NEED_INPUTS:
            judge.store(calls.key, "inputs", lambda: inputs_of(calls))
        fields = {
            "key": calls.key,
            "oracle": calls.oracle,
            "atol": calls.atol,
            "expected": reference.name,
            "revealed": reveal,
            "complete": answer["status"] == "reported",
        }
        return judge.request("compare", fields, blob=blob)[0]

    def _reference(self, trial: Trial, calls: Calls, reveal: Reveal) -> bytes:
        """What the reference returns, computed where candidates run, and whether that passes."""
        budgets = [
            {"limits_s": [PART_BUDGET_S] * len(part.inputs), "budget_s": 10 * PART_BUDGET_S} for part in calls.parts
        ]
        fields = _request(calls, calls.reference, budgets, reveal) | {"trusted": True}
        answer, blob = self._values(trial, calls, fields, _for_all(trial, 10 * PART_BUDGET_S))
        if answer["status"] != "reported":
            raise LinkLost(f"the reference of {trial.task_id} ended with {answer['status']}: {answer['detail']}")
        # a reference that stopped early would leave the inputs behind it untested
        for end, detail in map(codec.decode, _told(blob)[0]):
            if end != DONE:
                raise LinkLost(f"the reference of {trial.task_id} did not answer every input: {detail}")
        own = _read("own " + calls.key + repr(reveal), _pack(False, blob))
        compared = self._compare(trial, calls, own, reveal, (answer, blob))
        passed = compared["status"] == "compared" and all(status == "passed" for status, _ in compared["results"])
        return _pack(passed and not compared["opaque"], blob)


def inputs_of(calls: Calls) -> Iterable[bytes]:
    """The encoded inputs of each part."""
    return [codec.encode([list(arguments) for arguments in part.inputs]) for part in calls.parts]


def budgets_of(calls: Calls, times_s: list[list[float]]) -> list[dict[str, Any]]:
    """The time limits of each part's calls and of the part, from the reference's own times."""
    limits_s = [[max(calls.min_time_limit_s, calls.time_factor * time_s) for time_s in times] for times in times_s]
    return [{"limits_s": part, "budget_s": min(PART_BUDGET_S, sum(part)) + 1} for part in limits_s]


def _limited(trial: Trial, calls: Calls, reference: Reference) -> tuple[list[dict[str, Any]], Limits]:
    budgets = budgets_of(calls, reference.times_s)
    return budgets, _for_all(trial, sum(budget["budget_s"] for budget in budgets))


def _for_all(trial: Trial, cpu_time_s: float) -> Limits:
    """The trial's limits, with the time that all its calls together may take."""
    return replace(trial.limits, cpu_time_s=cpu_time_s, wall_time_s=3 * cpu_time_s + trial.limits.wall_time_s)


def _request(calls: Calls, program: str, budgets: list[dict[str, Any]], reveal: Reveal) -> dict[str, Any]:
    parts = [budget | {"reveal": seen} for budget, seen in zip(budgets, reveal, strict=True)]
    return {"program": program, "entry_point": calls.entry_point, "key": calls.key, "parts": parts, "trusted": False}


def _told(blob: bytes) -> tuple[list[bytes], list[bytes]]:
    """The ends and the values of the parts, unopened; nothing where the report is damaged."""
    try:
        parts = [frames.chunks(part) for part in frames.chunks(blob)]
    except frames.FrameError:
        return [], []
    if any(len(part) != 3 for part in parts):
        return [], []
    return [end for end, _, _ in parts], [values for _, _, values in parts]


def _pack(exemplary: bool, blob: bytes) -> bytes:
    return frames.prefixed(codec.encode(exemplary)) + frames.prefixed(blob)


def _read(name: str, packed: bytes) -> Reference:
    exemplary, blob = frames.chunks(packed)
    ends, values = _told(blob)
    times = [codec.decode(part[1]) for part in map(frames.chunks, frames.chunks(blob))]
    return Reference(name=name, ends=ends, values=values, times_s=times, exemplary=codec.decode(exemplary))
