"""The workers of one slot: started when first asked for, by role, environment and preload group."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from typing import Any

from ..errors import SandboxUnavailable
from ..types import Limits, Program
from .link import ANSWER_PATIENCE_S, LinkLost, Reply, Role, Worker

USES = 2000
"""Programs a worker runs before it is replaced, so that nothing slow can add up in it."""
WARM = 2
"""Workers of a role that are kept, the longest unused ended first."""
PATIENCE = 5.0
"""How many times its wall-time limit a program may take that waits for a CPU (as `inside.clocks` has it)."""

Start = Callable[[Role, str, str], Worker]
"""Starts a worker of a role for an environment and a preload group."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """Task for a worker's child; see `inside.child.OPERATIONS`."""

    operation: str
    limits: Limits
    fields: Mapping[str, Any] = field(default_factory=dict)
    max_report: int = 64 << 10
    """Bytes that the child may report."""
    blobs: tuple[bytes, ...] = ()
    """What the child is handed."""


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
    """See the module. `nproc` caps a program's processes, where needed.

    Raises:
        LinkLost, SandboxUnavailable: one does not start, or is lost; `close` then, and go on.
    """

    def __init__(self, start: Start, nproc: int | None) -> None:
        self._start = start
        self._nproc = nproc
        self._kept: dict[tuple[Role, str, str], Worker] = {}
        self._coming: dict[tuple[Role, str, str], _Coming] = {}
        self._retired: list[Worker] = []
        self._interrupted = False

    def worker(self, role: Role, environment: str, group: str) -> Worker:
        """Return the warm worker of a role, started if need be."""
        if self._interrupted:
            raise LinkLost("broken off")
        place = role, environment, group
        worker = self._kept.pop(place, None)
        if worker is None and (coming := self._coming.pop(place, None)):
            worker = coming.take()
        if worker is None:
            for old in [one for one in self._kept if one[0] is role][: 1 - WARM or None]:
                self._kept.pop(old).close()
            worker = self._start(*place)
        self._kept[place] = worker
        if self._interrupted:  # while it started, when `interrupt` could not see it
            raise LinkLost("broken off")
        return worker

    def prepare(self, role: Role, environment: str, group: str) -> None:
        """Begin to start what `worker` will be asked for, and do not wait for it."""
        self._coming[role, environment, group] = _Coming(lambda: self._start(role, environment, group))

    def begin(self, role: Role, program: Program, job: Job, carry: Reply | None = None) -> Worker:
        """Begin a job in a process of its own where programs of a role run; `end` has to be told how it ended."""
        worker = self.worker(role, program.environment, program.group)
        limits = _serialize_limits(job.limits) | {"nproc": self._nproc}
        worker.begin(
            job.operation,
            {**job.fields, "limits": limits, "max_report": job.max_report},
            blobs=job.blobs,
            carry=carry,
            patience_s=PATIENCE * job.limits.wall_time_s + ANSWER_PATIENCE_S,
        )
        return worker

    def end(self, program: Program, worker: Worker, reply: Reply) -> Reply:
        """Take note of a job's end; a worker that may not be used again is ended by `sweep`."""
        worker.uses += 1
        worker.memory_bytes = reply["memory_bytes"]
        if not reply["clean"] or worker.uses >= USES:
            self._retired.append(self._kept.pop((worker.role, program.environment, program.group)))
        return reply

    def sweep(self) -> None:
        """End the workers that may not be used again; what they replied is no longer needed."""
        while self._retired:
            self._retired.pop().close()

    def run(self, role: Role, program: Program, job: Job, carry: Reply | None = None) -> Reply:
        """Do a job and return what came of it."""
        worker = self.begin(role, program, job, carry)
        return self.end(program, worker, worker.next())

    @property
    def memory_bytes(self) -> int:
        """Add up the most memory that each worker's container has used."""
        return sum(worker.memory_bytes for worker in list(self._kept.values()))

    def interrupt(self) -> None:
        """Break off, from another thread, what they are at, and start no more of them."""
        self._interrupted = True
        for worker in list(self._kept.values()):
            worker.interrupt()

    def close(self) -> str:
        """End all; the last word of those that wrote to standard error."""
        workers = [*self._kept.values(), *self._retired]
        workers += [worker for one in self._coming.values() if (worker := one.take()) is not None]
        self._kept.clear()
        self._retired.clear()
        self._coming.clear()
        return " ".join(filter(None, [worker.close() for worker in workers]))


@lru_cache(maxsize=1024)
def _serialize_limits(limits: Limits) -> dict[str, Any]:
    """Return limits as a request holds them, converted once for all samples of a problem."""
    return asdict(limits)
