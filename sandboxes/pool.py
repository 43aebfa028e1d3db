"""A pool of warm workers: one thread each, fed from one bounded queue.

Whatever goes wrong with a worker costs a worker, never a sample: the trial is tried once more on a
fresh one, and a second loss is `Status.INFRASTRUCTURE`.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterable, Iterator

from ..errors import SandboxUnavailable
from ..types import Status, Trial, Verdict
from .link import LinkLost, Worker, address_of

USES = 2000
"""Programs a worker runs before it is replaced, so that nothing slow can add up in it."""


class Pool:
    """Owns `size` workers made by `start(slot)`; use as a context manager."""

    def __init__(self, start: Callable[[int], Worker], size: int, *, nproc: int | None) -> None:
        self._start = start
        self._size = size
        self._nproc = nproc
        self._workers: list[Worker | None] = [None] * size
        self._uses = [0] * size

    def open(self) -> Worker:
        """Start every worker, side by side; the first one, for its facts.

        Raises:
            SandboxUnavailable: a worker does not start.
        """
        failures: list[Exception] = []

        def start(slot: int) -> None:
            try:
                self._fresh(slot)
            except (LinkLost, SandboxUnavailable) as error:
                failures.append(error)

        threads = [threading.Thread(target=start, args=(slot,), daemon=True) for slot in range(self._size)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        first = self._workers[0]
        if failures or first is None:
            self.close()
            raise SandboxUnavailable(f"a sandbox worker did not start: {failures[0]}")
        return first

    def close(self) -> None:
        """End every worker."""
        for slot in range(self._size):
            self._discard(slot)

    def run(self, trials: Iterable[Trial]) -> Iterator[Verdict]:
        """As `Sandbox.run`."""
        waiting: queue.Queue[Trial | None] = queue.Queue(maxsize=4 * self._size)
        done: queue.Queue[Verdict | BaseException | None] = queue.Queue()
        stop = threading.Event()

        def feed() -> None:
            try:
                for trial in trials:
                    if not _put(waiting, trial, stop):
                        return
            except BaseException as error:  # noqa: BLE001 - raised again where the verdicts are read
                done.put(error)
            for _ in range(self._size):
                _put(waiting, None, stop)

        def work(slot: int) -> None:
            try:
                while (trial := waiting.get()) is not None and not stop.is_set():
                    done.put(self._judge(slot, trial))
                done.put(None)
            except BaseException as error:  # noqa: BLE001 - likewise
                done.put(error)

        threads = [threading.Thread(target=work, args=(slot,), daemon=True) for slot in range(self._size)]
        threads.append(threading.Thread(target=feed, daemon=True))
        for thread in threads:
            thread.start()
        try:
            yield from _results(done, self._size)
        finally:
            stop.set()
            _release(waiting, self._size)

    def _judge(self, slot: int, trial: Trial) -> Verdict:
        """One trial on this slot's worker; a lost worker is replaced and the trial tried once more."""
        reason = ""
        for _ in range(2):
            try:
                worker = self._workers[slot] or self._fresh(slot)
                verdict, clean = worker.run(trial, nproc=self._nproc)
            except LinkLost as error:
                reason = f"{error} {self._discard(slot)}".strip()
                continue
            self._uses[slot] += 1
            if not clean or self._uses[slot] >= USES:
                self._discard(slot)
            if verdict.status is not Status.INFRASTRUCTURE:
                return verdict
            reason = verdict.detail
            self._discard(slot)
        return Verdict(**address_of(trial), status=Status.INFRASTRUCTURE, detail=f"lost twice: {reason}")

    def _fresh(self, slot: int) -> Worker:
        worker = self._workers[slot] = self._start(slot)
        self._uses[slot] = 0
        return worker

    def _discard(self, slot: int) -> str:
        worker, self._workers[slot] = self._workers[slot], None
        return worker.close() if worker is not None else ""


def _put(waiting: queue.Queue[Trial | None], item: Trial | None, stop: threading.Event) -> bool:
    """Put without outliving a consumer that has gone; False once it has."""
    while not stop.is_set():
        try:
            waiting.put(item, timeout=0.2)
        except queue.Full:
            continue
        return True
    return False


def _results(done: queue.Queue[Verdict | BaseException | None], workers: int) -> Iterator[Verdict]:
    while workers:
        item = done.get()
        if isinstance(item, BaseException):
            raise item
        if item is None:
            workers -= 1
        else:
            yield item


def _release(waiting: queue.Queue[Trial | None], workers: int) -> None:
    """Wake threads that wait for a trial that will not come."""
    for _ in range(workers):
        try:
            waiting.put_nowait(None)
        except queue.Full:
            waiting.get_nowait()
            waiting.put_nowait(None)
