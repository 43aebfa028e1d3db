"""A pool of pairs: one thread each, fed from one bounded list.

Whatever goes wrong with a worker costs a worker, never a sample: see `Pair.judge`.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor

from ..errors import SandboxUnavailable
from ..types import Trial, Verdict
from .link import LinkLost, Worker
from .pair import Pair
from .waiting import Waiting


class Pool:
    """Owns the pairs made by `make(slot)`; use `open` and `close` around `run`.

    Of the trials that wait, those with the greatest `expected_s` run first.
    """

    def __init__(self, make: Callable[[int], Pair], size: int, expected_s: Callable[[Trial], float]) -> None:
        self._pairs = [make(slot) for slot in range(size)]
        self._expected_s = expected_s
        self._at_work: list[threading.Thread] = []
        """One a pair, of the latest run."""
        self.peak_memory_bytes = 0
        """The most that all containers have used, each at its own worst; 0 without containers."""

    def open(self, environment: str) -> Worker:
        """Start a candidate worker in every pair, side by side; the first one, for its facts.

        Raises:
            SandboxUnavailable: a worker does not start.
        """
        failures: list[Exception] = []

        def start(pair: Pair) -> None:
            try:
                pair.open(environment, "")
            except (LinkLost, SandboxUnavailable) as error:
                failures.append(error)

        threads = [threading.Thread(target=start, args=(pair,), daemon=True) for pair in self._pairs]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if failures:
            self.close()
            raise SandboxUnavailable(f"a sandbox worker did not start: {failures[0]}")
        return self._pairs[0].candidate(environment, "")

    def close(self) -> None:
        """End every worker, those of all pairs side by side; a run that was broken off is left no time."""
        for pair in self._pairs:
            pair.interrupt()
        self._join()
        with ThreadPoolExecutor(len(self._pairs)) as closing:
            list(closing.map(Pair.close, self._pairs))

    def run(self, trials: Iterable[Trial]) -> Iterator[Verdict]:
        """As `Sandbox.run`; a `Verdict` among the trials is passed on."""
        self._join()
        waiting = Waiting()
        done: queue.Queue[Verdict | BaseException | None] = queue.Queue()

        def feed() -> None:
            try:
                for trial in trials:
                    if isinstance(trial, Verdict):
                        done.put(trial)
                    elif not waiting.put(trial, self._expected_s(trial)):
                        return
            except BaseException as error:  # noqa: BLE001 - raised again where the verdicts are read
                done.put(error)
            waiting.end()

        def work(slot: int, pair: Pair) -> None:
            try:
                while (trial := waiting.take(slot)) is not None:
                    verdict = pair.judge(trial)
                    self.peak_memory_bytes = max(self.peak_memory_bytes, sum(one.memory_bytes for one in self._pairs))
                    done.put(verdict)
                done.put(None)
            except BaseException as error:  # noqa: BLE001 - likewise
                done.put(error)

        self._at_work = [threading.Thread(target=work, args=one, daemon=True) for one in enumerate(self._pairs)]
        for thread in (*self._at_work, threading.Thread(target=feed, daemon=True)):
            thread.start()
        try:
            yield from _results(done, len(self._pairs))
        finally:
            waiting.close()

    def _join(self) -> None:
        """Wait for the threads of a run that was broken off: each has a pair until its program has ended."""
        for thread in self._at_work:
            thread.join()


def _results(done: queue.Queue[Verdict | BaseException | None], workers: int) -> Iterator[Verdict]:
    while workers:
        item = done.get()
        if isinstance(item, BaseException):
            raise item
        if item is None:
            workers -= 1
        else:
            yield item
