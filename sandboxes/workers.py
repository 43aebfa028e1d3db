"""The workers of one slot: those that run candidates, by environment and preload group, and those that judge."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ..errors import SandboxUnavailable
from ..types import Limits, Status, Trial, Trust, Verdict
from .link import ANSWER_PATIENCE_S, LinkLost, Worker, address_of

USES = 2000
"""Programs a worker runs before it is replaced, so that nothing slow can add up in it."""
WARM = 2
"""Workers of a kind that are kept, the longest unused ended first."""

Start = Callable[[str, str], Worker]
"""Starts a worker for an environment and a preload group."""
Answer = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What a worker's child is to do; see `inside.child.OPERATIONS`."""

    operation: str
    fields: Mapping[str, Any]
    limits: Limits
    max_report: int = 64 << 10
    """Bytes that the child may report."""
    blob: bytes = b""


class _Coming:
    """A worker that is started beside other work."""

    def __init__(self, start: Callable[[], Worker]) -> None:
        self._start = start
        self._worker: Worker | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def take(self) -> Worker | None:
        """Wait for it; None where it did not start."""
        self._thread.join()
        return self._worker

    def _run(self) -> None:
        # whoever needs one then starts it anew, and learns why it does not start
        with contextlib.suppress(LinkLost, SandboxUnavailable):
            self._worker = self._start()


class Workers:
    """Started when first asked for. `nproc` caps a program's processes, where needed.

    Raises:
        LinkLost, SandboxUnavailable: one does not start, or is lost; `close` then, and go on.
    """

    def __init__(self, start: Start, nproc: int | None) -> None:
        self._start = start
        self._nproc = nproc
        self._candidates: dict[tuple[str, str], Worker] = {}
        self._judges: dict[tuple[str, str], Worker] = {}
        self._coming: dict[tuple[str, str], _Coming] = {}
        """Judges on their way."""
        self._interrupted = False

    def candidate(self, environment: str, group: str) -> Worker:
        """The warm worker that runs candidates of an environment and group."""
        return self._warm(self._candidates, environment, group)

    def judge(self, environment: str, group: str) -> Worker:
        """The warm worker that holds tests and expected values, and never runs a candidate."""
        return self._warm(self._judges, environment, group)

    def prepare_judge(self, environment: str, group: str) -> None:
        """Begin to start what `judge` will be asked for, and do not wait for it."""
        self._coming[environment, group] = _Coming(lambda: self._start(environment, group))

    def run(self, trial: Trial, job: Job) -> tuple[Answer, bytes]:
        """Do a job in a process of its own where candidates run; that worker is ended if it may not be used again."""
        return self._run(self._candidates, trial, job)

    def run_trusted(self, trial: Trial, job: Job) -> tuple[Answer, bytes]:
        """As `run`, where tests and references run."""
        return self._run(self._judges, trial, job)

    @property
    def memory_bytes(self) -> int:
        """The most that the containers of all workers here have used, added up."""
        return sum(worker.memory_bytes for worker in (*self._candidates.values(), *self._judges.values()))

    def interrupt(self) -> None:
        """From another thread: break off what they are at, and start no more of them."""
        self._interrupted = True
        for worker in (*self._candidates.values(), *self._judges.values()):
            worker.interrupt()

    def close(self) -> str:
        """End all; the last word of those that wrote to standard error."""
        workers = [*self._candidates.values(), *self._judges.values()]
        workers += [worker for one in self._coming.values() if (worker := one.take()) is not None]
        for kept in (self._candidates, self._judges, self._coming):
            kept.clear()
        return " ".join(filter(None, [worker.close() for worker in workers]))

    def _warm(self, kept: dict[tuple[str, str], Worker], environment: str, group: str) -> Worker:
        if self._interrupted:
            raise LinkLost("broken off")
        worker = kept.pop((environment, group), None)
        if worker is None and kept is self._judges and (coming := self._coming.pop((environment, group), None)):
            worker = coming.take()
        if worker is None:
            for old in list(kept)[: 1 - WARM or None]:
                kept.pop(old).close()
            worker = self._start(environment, group)
        kept[environment, group] = worker
        return worker

    def _run(self, kept: dict[tuple[str, str], Worker], trial: Trial, job: Job) -> tuple[Answer, bytes]:
        worker = self._warm(kept, trial.environment, trial.group)
        limits = asdict(job.limits) | {"nproc": self._nproc}
        answer, reported = worker.request(
            job.operation,
            {**job.fields, "limits": limits, "max_report": job.max_report},
            blob=job.blob,
            patience_s=job.limits.wall_time_s + ANSWER_PATIENCE_S,
        )
        worker.uses += 1
        worker.memory_bytes = answer["memory_bytes"]
        if not answer["clean"] or worker.uses >= USES:
            kept.pop((trial.environment, trial.group)).close()
        return answer, reported


def verdict_of(trial: Trial, answer: Mapping[str, Any], trust: Trust, *, base: str | None = None) -> Verdict:
    """The verdict that a worker's answer amounts to."""
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
