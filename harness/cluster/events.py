"""Calls of actors that have ended, in the order they did."""

from __future__ import annotations

import queue
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from .member import Member


@dataclass(frozen=True, slots=True)
class Event:
    """A call of an actor ended: with `value`, or with `error`."""

    member: Member[Any]
    stream: int
    """0: the call that makes it ready."""
    value: Any
    error: BaseException | None


class Events:
    """Filled by Ray's threads, read by one."""

    def __init__(self) -> None:
        self._queue: queue.SimpleQueue[Event | None] = queue.SimpleQueue()

    def listen(self, member: Member[Any], stream: int, ref: Any) -> None:
        """Put an event into the queue when the call `ref` has ended."""

        def put_event(future: Any) -> None:
            error = future.exception()
            self._queue.put(Event(member, stream, None if error else future.result(), error))

        ref.future().add_done_callback(put_event)

    def wake(self) -> None:
        """Wake the thread that waits for an event."""
        self._queue.put(None)

    def collect(self, patience_s: float) -> Iterator[Event]:
        """Yield all events; wait up to `patience_s` for the first, or until woken."""
        try:
            event = self._queue.get(timeout=patience_s)
            while True:
                if event is not None:
                    yield event
                event = self._queue.get_nowait()
        except queue.Empty:
            return
