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
        """There will be an event when the call `ref` has ended."""

        def ended(future: Any) -> None:
            error = future.exception()
            self._queue.put(Event(member, stream, None if error else future.result(), error))

        ref.future().add_done_callback(ended)

    def wake(self) -> None:
        """Let whoever waits for an event look around."""
        self._queue.put(None)

    def next(self, patience_s: float) -> Iterator[Event]:
        """All there are; waits so long for the first, or to be woken."""
        try:
            event = self._queue.get(timeout=patience_s)
            while True:
                if event is not None:
                    yield event
                event = self._queue.get_nowait()
        except queue.Empty:
            return
