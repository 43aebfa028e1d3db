"""On a node: items in by calls, results out by calls, through a loop that reads the one and yields the other."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from enum import Enum, auto
from typing import Generic, TypeVar

LINGER_S = 0.2
"""How long results are gathered, so that a fast loop is not asked for each one."""

In = TypeVar("In")
Out = TypeVar("Out")


class Empty(Enum):
    """Behaviour of the loop's input while there is nothing to give it."""

    WAIT = auto()
    """It waits: the loop works in threads of its own."""
    NOTHING = auto()
    """It yields None while results are under way, and waits else: the loop goes on with these by itself."""
    END = auto()
    """It ends, and the loop is begun anew with what comes next: the loop takes what it is given as one batch."""


class Closed(Exception):
    """Raised into a loop that is to end, whatever it waits for."""


class Conveyor(Generic[In, Out]):
    """Runs `work` in a thread until `close`; one result for each item."""

    def __init__(self, work: Callable[[Iterable[In]], Iterator[Out]], empty: Empty) -> None:
        self._work, self._empty = work, empty
        self._items: deque[In] = deque()
        self._results: deque[Out] = deque()
        lock = threading.RLock()
        self._changed = threading.Condition(lock)
        self._drained = threading.Condition(lock)
        """Apart, so that whoever gathers results is not woken by each one."""
        self._inside = 0
        self._closed = False
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def give(self, items: Iterable[In], count: int) -> None:
        """Put in `items`, from which `count` results will come."""
        with self._changed:
            self._items.extend(items)
            self._inside += count
            self._changed.notify_all()

    def take(self, wait_s: float) -> list[Out]:
        """Return the finished results; wait up to `wait_s` for the first.

        Raises:
            BaseException: what the loop raised, once all that came before it was taken.
        """
        begun = time.monotonic()
        with self._changed:
            self._changed.wait_for(lambda: self._results or self._failure, wait_s)
            self._drained.wait_for(lambda: not self._inside or self._failure, begun + LINGER_S - time.monotonic())
            results = list(self._results)
            self._results.clear()
            if not results and self._failure is not None:
                raise self._failure
        return results

    def close(self) -> None:
        """End the loop, and wait for it to let go of what it uses."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._thread.join()

    def _run(self) -> None:
        try:
            while self._wait_for_items():
                results = self._work(self._feed())
                for result in results:
                    with self._changed:
                        self._inside -= 1
                        self._results.append(result)
                        if len(self._results) == 1:
                            self._changed.notify_all()
                        if not self._inside:
                            self._drained.notify_all()
                    if self._closed:
                        break
                if isinstance(results, Generator):
                    results.close()
        except Closed:
            pass
        except BaseException as error:  # noqa: BLE001 - raised again where the results are taken
            with self._changed:
                self._failure = error
                self._changed.notify_all()
                self._drained.notify_all()

    def _wait_for_items(self) -> bool:
        """Wait for an item; return False once there will be none."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._items)
            return not self._closed

    def _feed(self) -> Iterator[In]:
        while True:
            with self._changed:
                if self._empty is Empty.WAIT or (self._empty is Empty.NOTHING and not self._inside):
                    self._changed.wait_for(lambda: self._closed or self._items)
                if self._closed:
                    raise Closed
                if not self._items and self._empty is Empty.END:
                    return
                item = self._items.popleft() if self._items else None
            # A loop that is fed by Empty.NOTHING knows None.
            yield item  # type: ignore[misc]


class Conveyors(Generic[In, Out]):
    """Hold the conveyor of one stream at a time; that of another stream replaces it."""

    def __init__(self) -> None:
        self._stream = 0
        self._running: Conveyor[In, Out] | None = None

    def select(self, stream: int, begin: Callable[[], Conveyor[In, Out]]) -> Conveyor[In, Out]:
        """Return the conveyor of `stream`; if there is none, close the one before and begin a new one."""
        if stream != self._stream or self._running is None:
            self.close()
            self._stream, self._running = stream, begin()
        return self._running

    def close(self) -> None:
        """Drop what is inside."""
        if self._running is not None:
            self._running.close()
        self._running = None
