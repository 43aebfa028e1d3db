"""An iterator that one thread reads and another thread may close."""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterator
from typing import Generic, TypeVar

Item = TypeVar("Item")


class Feed(Generic[Item], Iterator[Item]):
    """Yields the items of `source` until it is closed, even from another thread.

    A generator that is running in another thread cannot be closed. `close` therefore waits for the item in progress, so
    that nothing of the source (such as a model's engine) is in use afterwards.
    """

    def __init__(self, source: Iterator[Item]) -> None:
        self._source = source
        self._lock = threading.Lock()
        self._closed = threading.Event()

    def __next__(self) -> Item:
        with self._lock:
            if self._closed.is_set():
                raise StopIteration
            return next(self._source)

    def close(self) -> None:
        """End the iteration; the source is closed when this returns."""
        self._closed.set()
        with self._lock:
            if isinstance(self._source, Generator):
                self._source.close()
