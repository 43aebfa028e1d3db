"""Assert-style tests: run by the judge, with proxies for the candidate's functions where that can be done.

The calls that the tests make are noted once, on the reference. A candidate's process then answers them all in one
go, and where its answers are the reference's to the byte, the tests that passed with those have passed with these.
Else the judge's worker runs the tests on the answers.

In the candidate's own interpreter instead (`trust=in-process`): where that was asked for, where a benchmark cannot
part its tests from the program, and where the reference itself does not pass apart from them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

from ..types import Asserts, Limits, Proxied, Status, Trial, Trust, Verdict
from .expected import Expected
from .inside import codec, frames
from .link import LinkLost
from .workers import Answer, Job, Workers, verdict_of

MAX_ANSWERS_BYTES = 64 << 20
MAX_RUNS = 64
"""Runs of a candidate whose tests ask what was not foreseen."""
JUDGE_LIMITS = Limits(cpu_time_s=240.0, wall_time_s=900.0, memory_bytes=4 << 30, output_bytes=64 << 20, processes=64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Transcript:
    """What the tests ask of the reference, and what it answers."""

    name: str
    """Of everything it depends on."""
    reason: str
    """Why the tests cannot be run apart; "" where they can."""
    asked: tuple[bytes, ...]
    told: bytes
    """The report of the reference run where candidates run."""


class ByAsserts:
    """Judges trials whose judge is `Asserts`."""

    def __init__(self, workers: Workers, expected: Expected, trust: Trust) -> None:
        self._workers = workers
        self._expected = expected
        self._trust = trust

    def judge(self, trial: Trial, asserts: Asserts) -> Verdict:
        """The verdict; LinkLost where a worker is lost."""
        proxied = asserts.proxied
        if proxied is None or self._trust is Trust.IN_PROCESS:
            return self._in_process(trial, asserts)
        facts = [trial.group, *(getattr(proxied, name) for name in FACTS)]
        transcript = self._expected.of(facts, partial(self._record, trial, proxied), _read)
        if transcript.reason:
            return self._in_process(trial, asserts)
        verdict = self._apart(trial, proxied, transcript)
        if verdict.uncarried and self._in_process(trial, asserts).status is not Status.PASSED:
            return replace(verdict, uncarried="")
        return verdict

    def _in_process(self, trial: Trial, asserts: Asserts) -> Verdict:
        program = trial.source + asserts.tests
        job = Job(operation="program", fields={"program": program}, limits=trial.limits)
        answer, _ = self._workers.run(trial, job)
        return verdict_of(trial, answer, Trust.IN_PROCESS)

    def _apart(self, trial: Trial, proxied: Proxied, transcript: Transcript) -> Verdict:
        asked: Sequence[bytes] = transcript.asked
        for _ in range(MAX_RUNS):
            answer, told = self._answers(trial, trial.limits, proxied.source, transcript.name, asked)
            if answer["status"] == "reported" and asked is transcript.asked and told == transcript.told:
                return verdict_of(trial, answer | {"status": Status.PASSED}, Trust.SPLIT)
            if answer["status"] == Status.MEMORY:  # killed by the kernel: nothing that was told after that counts
                return verdict_of(trial, answer, Trust.SPLIT)
            judged = self._tests(trial, proxied, transcript.name, asked, (answer, told))
            if judged["status"] == Status.PASSED and answer["status"] != "reported":
                return verdict_of(trial, answer, Trust.SPLIT)
            if judged["status"] != "unsure":
                return _verdict(trial, answer, judged)
            more = judged["more"]
            asked = (*asked[: more["index"]], bytes.fromhex(more["call"]))
        detail = f"its tests still asked something new after {MAX_RUNS} runs: its answers change from run to run"
        return verdict_of(trial, answer | {"status": Status.WRONG_ANSWER, "detail": detail}, Trust.SPLIT)

    def _answers(
        self, trial: Trial, limits: Limits, program: str, key: str, asked: Sequence[bytes]
    ) -> tuple[Answer, bytes]:
        """What a program answers to the calls, in a process where candidates run."""
        worker = self._workers.candidate(trial.environment, trial.group)
        fields = {"program": program, "key": key, "calls": _kind(asked)}
        worker.store(key, fields["calls"], lambda: ("raw", asked))
        job = Job(operation="answers", fields=fields, limits=limits, max_report=MAX_ANSWERS_BYTES)
        return self._workers.run(trial, job)

    def _tests(
        self, trial: Trial, proxied: Proxied, key: str, asked: Sequence[bytes], reported: tuple[Answer, bytes]
    ) -> Answer:
        """The judge's word on what a candidate's process reported.

        One that is lost over the same answers twice was overwhelmed by them.
        """
        answer, told = reported
        complete = answer["status"] == "reported"
        end = [Status.RUNTIME_ERROR, "exited with code 0 before its tests ended"]
        fields = {
            "key": key,
            "calls": _kind(asked),
            "preamble": proxied.preamble,
            "tests": proxied.tests,
            "exposes": proxied.exposes,
            "complete": complete,
            "end": end if complete else [answer["status"], answer["detail"]],
        }
        job = Job(operation="tests", fields=fields, limits=JUDGE_LIMITS, max_report=codec.MAX_BYTES, blob=told)
        for _ in range(2):
            worker = self._workers.judge(trial.environment, trial.group)
            worker.store(key, fields["calls"], lambda: ("raw", asked))
            judged, _ = self._workers.run_trusted(trial, job)
            if judged["more"]:
                return judged
        if judged["status"] == Status.INFRASTRUCTURE:
            raise LinkLost(f"the judge did not start: {judged['detail']}")
        detail = f"what it answered cannot be judged: {judged['detail']}"
        return {"status": Status.OUTPUT, "detail": detail, "more": {"opaque": []}}

    def _record(self, trial: Trial, proxied: Proxied) -> bytes:
        """A transcript's bytes: what the tests ask of the reference, and its answers as a candidate."""
        fields = {
            "reference": proxied.reference,
            "preamble": proxied.preamble,
            "tests": proxied.reference_tests,
            "exposes": proxied.exposes,
        }
        job = Job(operation="record", fields=fields, limits=JUDGE_LIMITS, max_report=codec.MAX_BYTES)
        recorded, blob = self._workers.run_trusted(trial, job)
        if recorded["status"] != "reported":
            raise LinkLost(f"the reference of {trial.task_id} ended with {recorded['status']}: {recorded['detail']}")
        *asked, end = frames.chunks(blob)
        status, detail, opaque = codec.decode(end)
        if status != Status.PASSED:
            return _pack(f"the reference fails: {detail}")
        if opaque:
            return _pack(f"{opaque[0]} cannot be carried")
        key = hashlib.sha256(blob).hexdigest()
        limits = replace(JUDGE_LIMITS, memory_bytes=max(trial.limits.memory_bytes, JUDGE_LIMITS.memory_bytes))
        answer, told = self._answers(trial, limits, proxied.reference, key, asked)
        if answer["status"] == Status.TIMEOUT:
            raise LinkLost(f"the reference of {trial.task_id} was stopped: {answer['detail']}")
        own = replace(proxied, tests=proxied.reference_tests)
        judged = self._tests(trial, own, key, asked, (answer, told))
        if judged["status"] != Status.PASSED:
            return _pack(f"the reference does not pass apart from its tests: {judged['status']} {judged['detail']}")
        return _pack("", asked, told)


FACTS = ("preamble", "reference", "reference_tests", "exposes")
"""What of a `Proxied` a transcript depends on: nothing of the candidate's."""


def _verdict(trial: Trial, answer: Answer, judged: Answer) -> Verdict:
    status, opaque = judged["status"], judged["more"]["opaque"]
    verdict = verdict_of(trial, answer | {"status": status, "detail": judged["detail"]}, Trust.SPLIT)
    return replace(verdict, uncarried=opaque[0]) if opaque and status != Status.PASSED else verdict


def _kind(asked: Sequence[bytes]) -> str:
    return f"calls {hashlib.sha256(b''.join(map(frames.prefixed, asked))).hexdigest()[:16]}"


def _pack(reason: str, asked: Sequence[bytes] = (), told: bytes = b"") -> bytes:
    parts: list[bytes] = [codec.encode(reason), b"".join(map(frames.prefixed, asked)), told]
    return b"".join(map(frames.prefixed, parts))


def _read(name: str, blob: bytes) -> Transcript:
    reason, asked, told = frames.chunks(blob)
    return Transcript(name=name, reason=codec.decode(reason), asked=tuple(frames.chunks(asked)), told=told)
