"""Judge what many callers submit, side by side, in one sandbox that stays up.

Callers take turns program by program, so that a large request delays a small one little. Only a few programs are inside
the sandbox at a time; those of a caller that has gone away are dropped before they get there. If the sandbox breaks,
all that waits gets `Status.INFRASTRUCTURE`, and another one is opened.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from ..errors import SandboxUnavailable
from ..sandboxes.cache import judge_all, outcome_store
from ..types import Judge, Outcome, Program, Sandbox, Status, Work

WINDOW = 3
"""Programs inside the sandbox, for each of its workers."""
REOPEN_S = 5.0
"""Seconds between attempts to open a sandbox that broke."""
LONGEST_WAIT_S = 60
RECENT = 0.05
"""Weight of the latest program in the mean time."""

Settle = Callable[[int, Outcome], None]
Key = tuple[int, int]


class QueueFull(Exception):
    """More programs wait than may; `retry_after_s` is when there may be room, in whole seconds."""

    def __init__(self, waiting: int, capacity: int, retry_after_s: int) -> None:
        super().__init__(f"{waiting} programs wait already, and {capacity} may; try again in {retry_after_s} s")
        self.retry_after_s = retry_after_s


@dataclass(eq=False, slots=True)
class Ticket:
    """Programs that one caller submitted, and who is told of their outcomes."""

    number: int
    settle: Settle
    waiting: deque[Work] = field(default_factory=deque)


class Dispatcher:
    """Runs a sandbox in a thread of its own, from `start` to `close`; its other methods may be called from any thread.

    `open_sandbox` returns a sandbox of `workers` workers, not yet started. `tell` is given a line when it breaks.
    """

    def __init__(
        self,
        open_sandbox: Callable[[], Sandbox],
        *,
        workers: int,
        capacity: int,
        cache: bool = True,
        tell: Callable[[str], None],
    ) -> None:
        self.capacity = capacity
        self._open_sandbox, self._workers, self._cache, self._tell = open_sandbox, workers, cache, tell
        self._changed = threading.Condition()
        self._tickets: deque[Ticket] = deque()
        """Those of which programs wait, in the order of their turns."""
        self._inside: dict[Key, Ticket] = {}
        self._waiting = 0
        self._count = 0
        self._mean_s = 0.01
        self._looks_again = False
        self._period = 0
        """Raised when the sandbox breaks: whoever feeds an older one ends."""
        self._closing = False
        self._broken = ""
        self._thread = threading.Thread(target=self._serve, name="judge", daemon=True)
        self._sandbox = open_sandbox()

    def start(self) -> None:
        """Start the sandbox.

        Raises:
            SandboxUnavailable: it does not start.
        """
        self._sandbox.__enter__()
        self._thread.start()

    def close(self) -> None:
        """Finish what was submitted, take no more, and end the sandbox."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._thread.join()

    def submit(self, work: Sequence[tuple[Program, Judge]], settle: Settle) -> Ticket:
        """Put programs in the queue, all or none; `settle` gets each one's index and outcome, in another thread.

        Raises:
            QueueFull: there is no room now.
            SandboxUnavailable: the sandbox is broken, or being closed.
        """
        with self._changed:
            if self._broken or self._closing:
                raise SandboxUnavailable(self._broken or "the judge is shutting down")
            if self._waiting + len(work) > self.capacity:
                raise QueueFull(self._waiting, self.capacity, self._estimate_wait())
            self._count += 1
            ticket = Ticket(self._count, settle)
            ticket.waiting.extend(((ticket.number, index), *one) for index, one in enumerate(work))
            if work:
                self._tickets.append(ticket)
            self._waiting += len(work)
            self._changed.notify_all()
        return ticket

    def cancel(self, ticket: Ticket) -> None:
        """Drop the programs that have not begun; nobody is told of them."""
        with self._changed:
            self._waiting -= len(ticket.waiting)
            ticket.waiting.clear()
            with suppress(ValueError):
                self._tickets.remove(ticket)
            ticket.settle = lambda *_: None
            self._changed.notify_all()

    @property
    def waiting(self) -> int:
        """Return how many programs have not begun."""
        return self._waiting

    @property
    def inside(self) -> int:
        """Return how many programs are being judged."""
        return len(self._inside)

    @property
    def is_ready(self) -> bool:
        """Tell whether programs are taken."""
        return self._thread.is_alive() and not (self._broken or self._closing)

    def _estimate_wait(self) -> int:
        return int(min(max(1.0, self._waiting * self._mean_s / self._workers), LONGEST_WAIT_S))

    def _serve(self) -> None:
        """Judge until `close`; open another sandbox whenever one breaks."""
        sandbox: Sandbox | None = self._sandbox
        while not (self._closing and not self._tickets):
            try:
                if sandbox is None:
                    sandbox = self._open_sandbox()
                    sandbox.__enter__()
                with self._changed:
                    self._broken = ""
                    self._period += 1
                    period = self._period
                with outcome_store(use=self._cache, warn=self._tell) as store:
                    judge_all(sandbox, self._yield_work(period), store, self._settle)
            except Exception as error:  # noqa: BLE001 - whatever it is, callers wait for their outcomes
                self._break(str(error))
                if sandbox is not None:
                    sandbox.__exit__(None, None, None)
                sandbox = None
                with self._changed:
                    self._changed.wait_for(lambda: self._closing, REOPEN_S)
        if sandbox is not None:
            sandbox.__exit__(None, None, None)

    def _yield_work(self, period: int) -> Iterator[Work | None]:
        """Yield programs, a turn for each caller, and None after outcomes; end when closed or the period is over."""
        while True:
            with self._changed:
                self._changed.wait_for(
                    lambda: (
                        self._looks_again
                        or self._period != period
                        or (self._tickets and len(self._inside) < WINDOW * self._workers)
                        or (self._closing and not self._tickets)
                    )
                )
                if self._period != period:
                    return
                if self._looks_again:
                    self._looks_again = False
                    item = None
                elif self._tickets:
                    item = self._take()
                else:
                    return
            yield item

    def _take(self) -> Work:
        ticket = self._tickets.popleft()
        item = ticket.waiting.popleft()
        if ticket.waiting:
            self._tickets.append(ticket)
        self._waiting -= 1
        self._inside[item[0]] = ticket
        return item

    def _settle(self, key: Key, outcome: Outcome) -> None:
        with self._changed:
            ticket = self._inside.pop(key, None)
            self._mean_s += RECENT * (outcome.wall_time_s - self._mean_s)
            self._looks_again = True
            self._changed.notify_all()
        if ticket is not None:
            ticket.settle(key[1], outcome)

    def _break(self, reason: str) -> None:
        """Settle all that is inside or waits as trouble of the judge's own."""
        lost = Outcome(status=Status.INFRASTRUCTURE, detail=reason)
        with self._changed:
            self._broken = f"the sandbox is broken: {reason}"
            self._period += 1
            settled = [(ticket, key[1]) for key, ticket in self._inside.items()]
            settled += [(ticket, key[1]) for ticket in self._tickets for key, _, _ in ticket.waiting]
            self._inside.clear()
            self._tickets.clear()
            self._waiting = 0
            self._changed.notify_all()
        self._tell(f"{self._broken}; {len(settled)} programs were not judged")
        for ticket, index in settled:
            ticket.waiting.clear()
            ticket.settle(index, lost)


def judge_now(dispatcher: Dispatcher, work: Sequence[tuple[Program, Judge]]) -> list[Outcome]:
    """Judge programs and return their outcomes in the same order, waiting for room in the queue."""
    outcomes: list[Outcome] = []
    for start in range(0, len(work), dispatcher.capacity):
        part = work[start : start + dispatcher.capacity]
        outcomes += _judge_part(dispatcher, part)
    return outcomes


def _judge_part(dispatcher: Dispatcher, work: Sequence[tuple[Program, Judge]]) -> list[Outcome]:
    outcomes: dict[int, Outcome] = {}
    done = threading.Semaphore(0)

    def settle(index: int, outcome: Outcome) -> None:
        outcomes[index] = outcome
        done.release()

    while True:
        try:
            ticket = dispatcher.submit(work, settle)
            break
        except QueueFull as full:
            time.sleep(full.retry_after_s)
    try:
        for _ in work:
            done.acquire()
    finally:
        dispatcher.cancel(ticket)
    return [outcomes[index] for index in range(len(work))]
