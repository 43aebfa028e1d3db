"""Call-based problems: the candidate returns values, the judge compares them with the reference's.

Part by part, each in a process of its own, as evalplus 0.3.1 runs them; a sample that fails one is not asked for the
next, which can change no verdict. Large values travel as digests. Where digests differ the values may still be equal
(1 and 1.0): then the part is run again with that value revealed.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from ..types import Calls, Limits, Part, Status, Trial, Trust, Verdict
from .expected import Expected
from .inside import codec, frames, oracle
from .inside.calls import DONE
from .link import LinkLost, Worker
from .workers import Answer, Job, Workers, verdict_of

PART_BUDGET_S = 60.0
"""EvalPlus's cap on the time of a part."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One part of a judge's calls."""

    calls: Calls
    part: Part
    reveal: tuple[int, ...] = ()
    """The calls whose values are told in full, however large."""

    @property
    def facts(self) -> list[Any]:
        """All that the reference's answers depend on."""
        calls = self.calls
        return [calls.key, self.part.name, calls.entry_point, calls.reference, calls.oracle, calls.atol, self.reveal]

    @property
    def inputs(self) -> str:
        """The kind under which workers keep the inputs."""
        return f"inputs of {self.part.name}"

    def store_inputs(self, worker: Worker) -> None:
        """Have a worker keep the inputs."""
        worker.store(self.calls.key, self.inputs, lambda: packed([list(given) for given in self.part.inputs]))

    def request(self, program: str, limits_s: list[float], budget_s: float) -> dict[str, Any]:
        """What a child needs to call `program`: CPU seconds for each call and for all."""
        return {
            "program": program,
            "entry_point": self.calls.entry_point,
            "key": self.calls.key,
            "inputs": self.inputs,
            "limits_s": limits_s,
            "budget_s": budget_s,
            "reveal": self.reveal,
            "trusted": False,
        }

    def rule(self, reference: Reference) -> dict[str, Any]:
        """What the comparison with a reference's values needs."""
        return {"oracle": self.calls.oracle, "atol": self.calls.atol, "expected": reference.name}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """What the reference did in one part."""

    name: str
    """Of everything it depends on."""
    end: bytes
    values: bytes
    times_s: list[float]
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
        verdicts: list[Verdict] = []
        for part in calls.parts:
            verdicts.append(self._part(trial, Asked(calls=calls, part=part), trust))
            if verdicts[-1].status is not Status.PASSED:
                break
        return replace(
            verdicts[-1],
            base_status=verdicts[0].status,
            cpu_time_s=round(sum(verdict.cpu_time_s for verdict in verdicts), 6),
            wall_time_s=round(sum(verdict.wall_time_s for verdict in verdicts), 6),
            peak_memory_bytes=max(verdict.peak_memory_bytes for verdict in verdicts),
        )

    def _part(self, trial: Trial, asked: Asked, trust: Trust) -> Verdict:
        judge = self._apart if trust is Trust.SPLIT else self._in_process
        while True:  # ends: each turn names a call that was not named before
            compute = partial(self._reference, trial, asked)
            judged = judge(trial, asked, self._expected.of(asked.facts, compute, _read))
            if isinstance(judged, Verdict):
                return judged
            asked = replace(asked, reveal=(*asked.reveal, judged))

    def _in_process(self, trial: Trial, asked: Asked, reference: Reference) -> Verdict | int:
        """A verdict of the candidate's interpreter, or the call whose value has to be revealed."""
        fields = _limited(asked, trial.source, reference) | asked.rule(reference)
        worker = self._workers.candidate(trial.environment, trial.group)
        worker.store(asked.calls.key, reference.name, lambda: ("codec", [reference.values]))
        asked.store_inputs(worker)
        job = Job(operation="judged_calls", fields=fields, limits=_for_all(trial, fields["budget_s"]))
        answer, _ = self._workers.run(trial, job)
        unsure: int = answer["more"]
        return unsure if answer["status"] == "unsure" else verdict_of(trial, answer, Trust.IN_PROCESS)

    def _apart(self, trial: Trial, asked: Asked, reference: Reference) -> Verdict | int:
        """The judge's verdict on the values that the candidate's process reported, or as `_in_process`."""
        answer, report = self._values(trial, asked, _limited(asked, trial.source, reference))
        if answer["status"] != "reported":  # it was stopped, or died
            return verdict_of(trial, answer, Trust.SPLIT)
        if not report:
            ended = {"status": Status.RUNTIME_ERROR, "detail": "exited with code 0 before its calls ended"}
            return verdict_of(trial, answer | ended, Trust.SPLIT)
        if reference.exemplary and _told(report) == (reference.end, reference.values):
            return verdict_of(trial, answer | {"status": Status.PASSED}, Trust.SPLIT)
        compared = self._compare(trial, asked, reference, report)
        if compared["status"] == "unsure":
            unsure: int = compared["call"]
            return unsure
        verdict = verdict_of(trial, answer | {"status": compared["status"], "detail": compared["detail"]}, Trust.SPLIT)
        opaque = compared["opaque"]
        return replace(verdict, uncarried=opaque[0]) if opaque and verdict.status is not Status.PASSED else verdict

    def _values(self, trial: Trial, asked: Asked, fields: dict[str, Any]) -> tuple[Answer, bytes]:
        asked.store_inputs(self._workers.candidate(trial.environment, trial.group))
        limits = _for_all(trial, fields["budget_s"])
        job = Job(operation="calls", fields=fields, limits=limits, max_report=codec.MAX_BYTES)
        return self._workers.run(trial, job)

    def _compare(self, trial: Trial, asked: Asked, reference: Reference, report: bytes) -> Answer:
        """The judge's word on what a process reported."""
        calls = asked.calls
        judge = self._workers.judge(trial.environment, "")
        judge.store(calls.key, reference.name, lambda: ("codec", [reference.values]))
        if calls.oracle in oracle.NEED_INPUTS:
            asked.store_inputs(judge)
        fields = {"key": calls.key, "inputs": asked.inputs, "reveal": asked.reveal, **asked.rule(reference)}
        return judge.request("compare", fields, blob=report)[0]

    def _reference(self, trial: Trial, asked: Asked) -> bytes:
        """What the reference returns, computed where candidates run, and whether that passes."""
        limits_s = [PART_BUDGET_S] * len(asked.part.inputs)
        fields = asked.request(asked.calls.reference, limits_s, 10 * PART_BUDGET_S) | {"trusted": True}
        answer, report = self._values(trial, asked, fields)
        if answer["status"] != "reported":
            raise LinkLost(f"the reference of {trial.task_id} ended with {answer['status']}: {answer['detail']}")
        own = _read("own " + repr(asked.facts), _pack(False, report))
        # a reference that stopped early would leave the inputs behind it untested
        end, detail = codec.decode(own.end)
        if end != DONE:
            raise LinkLost(f"the reference of {trial.task_id} did not answer every input: {detail}")
        compared = self._compare(trial, asked, own, report)
        return _pack(compared["status"] == Status.PASSED and not compared["opaque"], report)


def packed(values: list[Any]) -> tuple[str, list[bytes]]:
    """A chunk of values that a benchmark made, and its form: JSON, several times as fast, where nothing is lost."""
    try:
        text = json.dumps(values)
        if json.loads(text) == values:  # tuples, sets, keys that are no strings, NaN are not
            return "json", [text.encode("ascii")]
    except (TypeError, ValueError, RecursionError):
        pass
    return "codec", [codec.encode(values)]


def expected_s(expected: Expected, trial: Trial) -> float:
    """CPU seconds that the reference of a trial took for the same calls; 0 where that is not known."""
    if not isinstance(trial.judge, Calls):
        return 0.0
    parts = (Asked(calls=trial.judge, part=part) for part in trial.judge.parts)
    known = (expected.known(asked.facts, _read) for asked in parts)
    return sum(sum(reference.times_s) for reference in known if reference is not None)


def limits_of(calls: Calls, times_s: list[float]) -> list[float]:
    """The CPU seconds that each call of a part may take, from the reference's own."""
    return [max(calls.min_time_limit_s, calls.time_factor * time_s) for time_s in times_s]


def _limited(asked: Asked, program: str, reference: Reference) -> dict[str, Any]:
    limits_s = limits_of(asked.calls, reference.times_s)
    return asked.request(program, limits_s, min(PART_BUDGET_S, sum(limits_s)) + 1)


def _for_all(trial: Trial, cpu_time_s: float) -> Limits:
    """The trial's limits, with the time that all calls of a part together may take."""
    return replace(trial.limits, cpu_time_s=cpu_time_s, wall_time_s=3 * cpu_time_s + trial.limits.wall_time_s)


def _told(report: bytes) -> tuple[bytes, bytes]:
    """The end and the values of a part, unopened; nothing where the report is damaged."""
    try:
        end, _, values = frames.chunks(report)
    except (frames.FrameError, ValueError):
        return b"", b""
    return end, values


def _pack(exemplary: bool, report: bytes) -> bytes:
    return frames.prefixed(codec.encode(exemplary)) + frames.prefixed(report)


def _read(name: str, packed: bytes) -> Reference:
    exemplary, report = frames.chunks(packed)
    end, times_s, values = frames.chunks(report)
    return Reference(
        name=name, end=end, values=values, times_s=codec.decode(times_s), exemplary=codec.decode(exemplary)
    )
