"""Candidate and judge: who runs a program, and who decides.

A pair owns the workers of one slot: candidate workers, by environment and preload group, that see code and
inputs; and a judge worker that sees expected values and never runs a candidate's code. Values travel between
them as `codec` bytes that nobody on the way opens.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace
from functools import partial
from typing import Any

from ..types import Asserts, Calls, Status, Trial, Trust, Verdict
from .expected import Expected, Reference, Reveal, inputs_of
from .inside import codec, frames, oracle
from .inside.calls import DONE
from .link import ANSWER_PATIENCE_S, LinkLost, Worker, address_of

USES = 2000
"""Programs a worker runs before it is replaced, so that nothing slow can add up in it."""
WARM = 2
"""Candidate workers a pair keeps, the longest unused ended first."""
MAX_REPORT_BYTES = 65536
STARVED_SHARE = 0.01
"""Of a core: a program that got more, but not its CPU time, was starved; one that got less was asleep."""
PATIENCE = 5.0
PART_BUDGET_S = 60.0
"""EvalPlus's cap on the time of a part."""

Start = Callable[[str, str], Worker]
"""Starts a worker for an environment and a preload group."""


class Pair:
    """One slot's workers; `judge` one trial at a time. `nproc` caps a program's processes, where needed."""

    def __init__(self, start: Start, expected: Expected, *, trust: Trust, nproc: int | None) -> None:
        self._start = start
        self._expected = expected
        self._trust = trust
        self._nproc = nproc
        self._candidates: dict[tuple[str, str], Worker] = {}
        self._judge: Worker | None = None

    def candidate(self, environment: str, group: str) -> Worker:
        """The warm candidate worker for an environment and group, started if need be.

        Raises:
            LinkLost, SandboxUnavailable: it does not start.
        """
        key = (environment, group)
        worker = self._candidates.pop(key, None)
        if worker is None:
            for old in list(self._candidates)[: 1 - WARM or None]:
                self._candidates.pop(old).close()
            worker = self._start(environment, group)
        self._candidates[key] = worker
        return worker

    def judge(self, trial: Trial) -> Verdict:
        """The verdict on `trial`; a lost worker is replaced and the trial tried once more."""
        reason = ""
        for _ in range(2):
            try:
                verdict = self._patiently(trial, self._verdict(trial))
            except LinkLost as error:
                reason = f"{error} {self.close()}".strip()
                continue
            if verdict.status is not Status.INFRASTRUCTURE:
                return verdict
            reason = verdict.detail
            self.close()
        return Verdict(**address_of(trial), status=Status.INFRASTRUCTURE, detail=f"lost twice: {reason}")

    def _patiently(self, trial: Trial, verdict: Verdict) -> Verdict:
        """Run a program again that wall time stopped while it wanted to compute: the machine was too busy."""
        starved = (
            verdict.status is Status.TIMEOUT
            and verdict.wall_time_s >= trial.limits.wall_time_s
            and STARVED_SHARE * verdict.wall_time_s < verdict.cpu_time_s < trial.limits.cpu_time_s
        )
        if not starved or isinstance(trial.judge, Calls):
            return verdict
        limits = replace(trial.limits, wall_time_s=PATIENCE * trial.limits.wall_time_s)
        return self._verdict(replace(trial, limits=limits))

    def close(self) -> str:
        """End the workers; the last word of one that wrote to standard error."""
        workers = [*self._candidates.values(), *([self._judge] if self._judge else [])]
        self._candidates, self._judge = {}, None
        return " ".join(filter(None, [worker.close() for worker in workers]))

    def _verdict(self, trial: Trial) -> Verdict:
        if isinstance(trial.judge, Asserts):
            program = trial.source + trial.judge.tests
            answer, _ = self._run(trial, "program", {"program": program})
            return _verdict(trial, answer, Trust.IN_PROCESS)
        return self._judge_calls(trial, trial.judge)

    def _judge_calls(self, trial: Trial, calls: Calls) -> Verdict:
        """Run and compare; where digests of large values differ, again with those values revealed."""
        reveal: Reveal = tuple(() for _ in calls.parts)
        while True:  # ends: each turn names a call that was not named before
            reference = self._expected.of(calls, reveal, partial(self._reference, trial, calls, reveal))
            judged = self._judge_revealed(trial, calls, reveal, reference)
            if isinstance(judged, Verdict):
                return judged
            part, index = judged
            reveal = tuple((*seen, index) if number == part else seen for number, seen in enumerate(reveal))

    def _judge_revealed(
        self, trial: Trial, calls: Calls, reveal: Reveal, reference: Reference
    ) -> Verdict | tuple[int, int]:
        """A verdict, or the (part, call) whose value has to be revealed."""
        budgets = budgets_of(calls, reference)
        cpu_time_s = sum(budget["budget_s"] for budget in budgets)
        fields = self._request(calls, trial.source, budgets, reveal)
        if self._trust is Trust.SPLIT:
            answer, blob = self._run(trial, "calls", fields, cpu_time_s)
            return self._compare(trial, calls, reference, reveal, (answer, blob))
        self.candidate(trial.environment, trial.group).store(calls.key, reference.name, lambda: reference.chunks)
        rule = {"oracle": calls.oracle, "atol": calls.atol, "expected": reference.name}
        answer, _ = self._run(trial, "judged_calls", fields | rule, cpu_time_s)
        parts = answer["parts"]
        if answer["status"] == "unsure":
            return parts[0], parts[1]
        return _verdict(trial, answer, Trust.IN_PROCESS, base=parts[0] if parts else answer["status"])

    def _compare(
        self, trial: Trial, calls: Calls, reference: Reference, reveal: Reveal, reported: tuple[dict[str, Any], bytes]
    ) -> Verdict | tuple[int, int]:
        """The judge worker's word on what the candidate's process reported: its worker's answer, and the values."""
        answer, blob = reported
        judge = self._judge = self._judge or self._start(trial.environment, "")
        judge.store(calls.key, reference.name, lambda: reference.chunks)
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
        compared, _ = judge.request("compare", fields, blob=blob)
        if compared["status"] == "unsure":
            return compared["parts"][0], compared["parts"][1]
        results = [(status, detail) for status, detail in compared["results"]]
        if answer["status"] != "reported":  # it was stopped or died: what it had told by then still counts
            results.append((answer["status"], answer["detail"]))
        elif len(results) != len(calls.parts):
            results.append((Status.RUNTIME_ERROR, "exited with code 0 before its calls ended"))
        failed = [result for result in results if result[0] != Status.PASSED]
        status, detail = failed[0] if failed else (Status.PASSED, "")
        return _verdict(trial, answer | {"status": status, "detail": detail}, Trust.SPLIT, base=results[0][0])

    def _reference(self, trial: Trial, calls: Calls, reveal: Reveal) -> bytes:
        """What the reference returns, computed where candidates run."""
        budgets = [
            {"limits_s": [PART_BUDGET_S] * len(part.inputs), "budget_s": 10 * PART_BUDGET_S} for part in calls.parts
        ]
        fields = self._request(calls, calls.reference, budgets, reveal) | {"trusted": True}
        answer, blob = self._run(trial, "calls", fields, 10 * PART_BUDGET_S)
        if answer["status"] != "reported":
            raise LinkLost(f"the reference of {trial.task_id} ended with {answer['status']}: {answer['detail']}")
        # a reference that stopped early would leave the inputs behind it untested
        for end, detail, *_ in map(codec.decode, frames.chunks(blob)):
            if end != DONE:
                raise LinkLost(f"the reference of {trial.task_id} did not answer every input: {detail}")
        return blob

    def _request(self, calls: Calls, program: str, budgets: list[dict[str, Any]], reveal: Reveal) -> dict[str, Any]:
        parts = [budget | {"reveal": seen} for budget, seen in zip(budgets, reveal, strict=True)]
        return {
            "program": program,
            "entry_point": calls.entry_point,
            "key": calls.key,
            "parts": parts,
            "trusted": False,
        }

    def _run(
        self, trial: Trial, operation: str, fields: dict[str, Any], cpu_time_s: float | None = None
    ) -> tuple[dict[str, Any], bytes]:
        """Run on the candidate worker, and end that worker where it may not be used again."""
        limits = asdict(trial.limits) | {"nproc": self._nproc}
        if cpu_time_s is not None:
            limits |= {"cpu_time_s": cpu_time_s, "wall_time_s": 3 * cpu_time_s + trial.limits.wall_time_s}
        worker = self.candidate(trial.environment, trial.group)
        if isinstance(trial.judge, Calls):
            worker.store(trial.judge.key, "inputs", partial(inputs_of, trial.judge))
        max_report = codec.MAX_BYTES if operation == "calls" else MAX_REPORT_BYTES
        answer, blob = worker.request(
            operation,
            fields | {"limits": limits, "max_report": max_report},
            patience_s=limits["wall_time_s"] + ANSWER_PATIENCE_S,
        )
        worker.uses += 1
        if not answer["clean"] or worker.uses >= USES:
            self._candidates.pop((trial.environment, trial.group)).close()
        return answer, blob


def budgets_of(calls: Calls, reference: Reference) -> list[dict[str, Any]]:
    """The time limits of each part's calls and of the part, from the reference's own times."""
    limits_s = [
        [max(calls.min_time_limit_s, calls.time_factor * time_s) for time_s in times] for times in reference.times_s
    ]
    return [{"limits_s": part, "budget_s": min(PART_BUDGET_S, sum(part)) + 1} for part in limits_s]


def _verdict(trial: Trial, answer: dict[str, Any], trust: Trust, *, base: str | None = None) -> Verdict:
    return Verdict(
        **address_of(trial),
        status=Status(answer["status"]),
        detail=answer["detail"],
        cpu_time_s=round(answer["cpu_time_s"], 6),
        wall_time_s=round(answer["wall_time_s"], 6),
        peak_memory_bytes=answer["peak_memory_bytes"],
        trust=trust,
        base_status=Status(base) if base is not None else None,
    )
