"""One slot of a sandbox: who runs a program, and who decides about it.

A slot owns workers of every role and judges one program at a time. Values travel from the candidate's worker to the
judge's as `codec` bytes that nobody on the way opens.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..types import Judge, Outcome, Program, Status, Trust
from .expected import Expected
from .judges import kind_of
from .link import LinkLost, Reply, Role, Worker
from .outcomes import REFERENCE_FAILS, JudgeLost, ReferenceFailed, text_of, unjudgeable
from .workers import Job, Start, Workers

JUDGE_PATIENCE_S = 60.0
"""For a comparison, whose worker ends itself long before."""


class Slot:
    """One slot's workers; `outcome` of one program at a time. `nproc` caps a program's processes, where needed."""

    def __init__(self, start: Start, expected: Expected, *, trust: Trust, nproc: int | None) -> None:
        self.expected = expected
        self.trust = trust
        self._workers = Workers(start, nproc)
        self.first: Worker
        """The worker that `open` started, for its facts."""

    def open(self, environment: str, group: str) -> None:
        """Start what programs of an environment and group will need: a candidate's worker now, a judge's meanwhile.

        Raises:
            LinkLost, SandboxUnavailable: it does not start.
        """
        if self.trust is Trust.IN_PROCESS:
            self.first = self._workers.worker(Role.IN_PROCESS, environment, group)
            return
        self._workers.prepare(Role.JUDGE, environment, group)
        self.first = self._workers.worker(Role.CANDIDATE, environment, group)

    def outcome(self, program: Program, judge: Judge) -> Outcome:
        """Return what becomes of `program`; a lost worker is replaced and the program tried once more.

        A report over which the judge is lost twice has been judged: it cannot be, and that is no trouble of ours.
        """
        reason, lost = "", []
        for _ in range(2):
            self._workers.sweep()
            try:
                result = kind_of(judge).outcome(self, program, judge)
            except LinkLost as error:
                lost.append(error)
                reason = f"{error} {self.close()}".strip()
                continue
            if result.status is not Status.INFRASTRUCTURE:
                return result
            reason = result.detail
            self.close()
        if len(lost) == 2 and all(isinstance(error, JudgeLost) for error in lost):
            return unjudgeable(reason)
        if len(lost) == 2 and all(isinstance(error, ReferenceFailed) for error in lost):
            return Outcome(status=Status.INFRASTRUCTURE, detail=text_of(f"{REFERENCE_FAILS}: {reason}"))
        return Outcome(status=Status.INFRASTRUCTURE, detail=text_of(f"lost twice: {reason}"))

    def role_of(self, program: Program) -> Role:
        """Return where a program runs that must not see its tests."""
        return Role.REFERENCE if program.trusted else Role.CANDIDATE

    def worker(self, role: Role, program: Program) -> Worker:
        """Return the worker of a role for a program."""
        return self._workers.worker(role, program.environment, program.group)

    def run(self, role: Role, program: Program, job: Job) -> Reply:
        """Do a job in a process of its own where programs of a role run.

        Raises:
            LinkLost: the worker is lost, or no process could be started.
        """
        return _require_start(self._workers.run(role, program, job))

    def run_judge(self, program: Program, job: Job, carry: Reply | None = None) -> Reply:
        """Do a job where tests are, on what a program reported.

        Raises:
            JudgeLost: the judge's worker is lost over it.
        """
        worker = self.worker(Role.JUDGE, program)
        try:
            return _require_start(
                self._workers.end(program, worker, self._workers.begin(Role.JUDGE, program, job, carry).next())
            )
        except LinkLost as error:
            raise JudgeLost(str(error)) from error

    def compare(self, worker: Worker, fields: Mapping[str, Any], carry: Reply | None, blob: bytes) -> Reply:
        """Have a judge's worker compare what a program reported: `carry`, or `blob`.

        Raises:
            JudgeLost: the worker is lost over it.
        """
        try:
            return worker.request("compare", fields, blobs=[blob], carry=carry, patience_s=JUDGE_PATIENCE_S)
        except LinkLost as error:
            raise JudgeLost(str(error)) from error

    def begin(self, role: Role, program: Program, job: Job) -> Worker:
        """Begin a job whose program talks while it runs; `end` has to be told how it ended."""
        return self._workers.begin(role, program, job)

    def end(self, program: Program, worker: Worker, reply: Reply) -> Reply:
        """Take note of how a job ended that was begun."""
        return _require_start(self._workers.end(program, worker, reply))

    @property
    def memory_bytes(self) -> int:
        """Add up the most memory that each container of this slot has used; 0 without containers."""
        return self._workers.memory_bytes

    def interrupt(self) -> None:
        """Break off, from another thread, what `outcome` is at, and start no more workers."""
        self._workers.interrupt()

    def close(self) -> str:
        """End the workers; the last word of those that wrote to standard error."""
        return self._workers.close()


def _require_start(reply: Reply) -> Reply:
    if reply["status"] == Status.INFRASTRUCTURE:
        raise LinkLost(f"a process did not start: {reply['detail']}")
    return reply
