"""Candidate and judge: who runs a program, and who decides.

A pair owns the workers of one slot. Values travel from the candidate's worker to the judge's as `codec` bytes
that nobody on the way opens.
"""

from __future__ import annotations

from dataclasses import replace

from ..types import Calls, Status, Trial, Trust, Verdict
from .by_asserts import ByAsserts
from .by_calls import ByCalls
from .expected import Expected
from .link import LinkLost, Worker, address_of
from .workers import Start, Workers

STARVED_SHARE = 0.01
"""Of a core: a program that got more, but not its CPU time, was starved; one that got less was asleep."""
PATIENCE = 5.0


class Pair:
    """One slot's workers; `judge` one trial at a time. `nproc` caps a program's processes, where needed."""

    def __init__(self, start: Start, expected: Expected, *, trust: Trust, nproc: int | None) -> None:
        self._workers = Workers(start, nproc)
        self._trust = trust
        self._by_asserts = ByAsserts(self._workers, expected, trust)
        self._by_calls = ByCalls(self._workers, expected, trust)

    def candidate(self, environment: str, group: str) -> Worker:
        """The warm candidate worker for an environment and group, started if need be.

        Raises:
            LinkLost, SandboxUnavailable: it does not start.
        """
        return self._workers.candidate(environment, group)

    def open(self, environment: str, group: str) -> None:
        """Start what trials of an environment and group will need: the candidate worker now, the judge meanwhile.

        Raises:
            LinkLost, SandboxUnavailable: it does not start.
        """
        self._workers.candidate(environment, group)
        if self._trust is Trust.SPLIT:
            self._workers.prepare_judge(environment, group)

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

    @property
    def memory_bytes(self) -> int:
        """The most that the containers of this pair have used, added up; 0 without containers."""
        return self._workers.memory_bytes

    def interrupt(self) -> None:
        """From another thread: break off what `judge` is at, and start no more workers."""
        self._workers.interrupt()

    def close(self) -> str:
        """End the workers; the last word of those that wrote to standard error."""
        return self._workers.close()

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

    def _verdict(self, trial: Trial) -> Verdict:
        if isinstance(trial.judge, Calls):
            return self._by_calls.judge(trial, trial.judge)
        return self._by_asserts.judge(trial, trial.judge)
