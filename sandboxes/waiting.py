"""Programs that wait for a worker: a bounded store from which each slot takes what its warm workers are made for.

Importing a group's libraries costs seconds, a program milliseconds: so a slot stays with the group it has, then
takes one that no other slot is at, and only then joins another. Of a group's trials it takes the one that is
expected to take longest, so that no slot is left alone with a long program at the end.
"""

from __future__ import annotations

import heapq
import itertools
import threading

from ..types import Work

AHEAD = 1024
"""Programs that may wait: enough to see past the end of a group."""
Group = tuple[str, str]
"""Environment and preload group."""


class Waiting:
    """Between one thread that puts and the threads of the slots, which take."""

    def __init__(self) -> None:
        self._groups: dict[Group, list[tuple[float, int, Work]]] = {}
        """Heaps of (minus the expected seconds, order of arrival, work)."""
        self._arrivals = itertools.count()
        self._size = 0
        self._at: dict[int, Group] = {}
        self._changed = threading.Condition()
        self._ended = self._closed = False

    def put(self, item: Work, expected_s: float = 0.0) -> bool:
        """Wait for room; False once nobody takes any more."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._size < AHEAD)
            if self._closed:
                return False
            heap = self._groups.setdefault((item[1].environment, item[1].group), [])
            heapq.heappush(heap, (-expected_s, next(self._arrivals), item))
            self._size += 1
            self._changed.notify_all()
            return True

    def end(self) -> None:
        """Say that no more will be put."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def close(self) -> None:
        """Say that nobody takes any more, and let go whoever waits."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def take(self, slot: int) -> Work | None:
        """Return the next work for a slot; None when there will be none."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._ended or self._size)
            if self._closed or not self._size:
                return None
            group = self._at[slot] = self._best(slot)
            _, _, item = heapq.heappop(self._groups[group])
            if not self._groups[group]:
                del self._groups[group]
            self._size -= 1
            self._changed.notify_all()
            return item

    def _best(self, slot: int) -> Group:
        own = self._at.get(slot)
        if own is not None and own in self._groups:
            return own
        others = {group for number, group in self._at.items() if number != slot}
        return next((group for group in self._groups if group not in others), next(iter(self._groups)))
