"""A pool of slots: one thread each, fed from one bounded list.

Whatever goes wrong with a worker costs a worker, never a sample: see `Slot.outcome`.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor

from ..errors import SandboxUnavailable
from ..types import Judge, Key, Outcome, Work
from .link import LinkLost, Worker
from .slot import Slot
from .waiting import Waiting

Result = tuple[Key, Outcome]


class Pool:
    """Owns the slots made by `make(number)`; use `open` and `close` around `run`.

    Of the programs that wait, those whose judge is expected to take longest (`expected_s`) run first.
    """

    def __init__(self, make: Callable[[int], Slot], size: int, expected_s: Callable[[Judge], float]) -> None:
        self._slots = [make(number) for number in range(size)]
        self._expected_s = expected_s
        self._at_work: list[threading.Thread] = []
        """One a slot, of the latest run."""
        self.peak_memory_bytes = 0
        """The most that all containers have used, each at its own worst; 0 without containers."""

    def open(self, environment: str) -> Worker:
        """Start a worker in every slot, side by side; the first one, for its facts.

        Raises:
            SandboxUnavailable: a worker does not start.
        """
        failures: list[Exception] = []

        def start(slot: Slot) -> None:
            try:
                slot.open(environment, "")
            except (LinkLost, SandboxUnavailable) as error:
                failures.append(error)

        threads = [threading.Thread(target=start, args=(slot,), daemon=True) for slot in self._slots]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if failures:
            self.close()
            raise SandboxUnavailable(f"a sandbox worker did not start: {failures[0]}")
        return self._slots[0].first

    def close(self) -> None:
        """End every worker, those of all slots side by side; a run that was broken off is left no time."""
        for slot in self._slots:
            slot.interrupt()
        self._join()
        with ThreadPoolExecutor(len(self._slots)) as closing:
            list(closing.map(Slot.close, self._slots))

    def run(self, work: Iterable[Work]) -> Iterator[Result]:
        """Implement `Sandbox.run`."""
        self._join()
        waiting = Waiting()
        done: queue.Queue[Result | BaseException | None] = queue.Queue()

        def feed() -> None:
            try:
                for item in work:
                    if not waiting.put(item, self._expected_s(item[2])):
                        return
            except BaseException as error:  # noqa: BLE001 - raised again where the outcomes are read
                done.put(error)
            waiting.end()

        def serve(number: int, slot: Slot) -> None:
            try:
                while (item := waiting.take(number)) is not None:
                    key, program, judge = item
                    outcome = slot.outcome(program, judge)
                    self.peak_memory_bytes = max(self.peak_memory_bytes, sum(one.memory_bytes for one in self._slots))
                    done.put((key, outcome))
                done.put(None)
            except BaseException as error:  # noqa: BLE001 - likewise
                done.put(error)

        self._at_work = [threading.Thread(target=serve, args=one, daemon=True) for one in enumerate(self._slots)]
        for thread in (*self._at_work, threading.Thread(target=feed, daemon=True)):
            thread.start()
        try:
            yield from _results(done, len(self._slots))
        finally:
            waiting.close()

    def _join(self) -> None:
        """Wait for the threads of a run that was broken off: each has a slot until its program has ended."""
        for thread in self._at_work:
            thread.join()


def _results(done: queue.Queue[Result | BaseException | None], workers: int) -> Iterator[Result]:
    while workers:
        item = done.get()
        if isinstance(item, BaseException):
            raise item
        if item is None:
            workers -= 1
        else:
            yield item
