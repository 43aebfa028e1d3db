"""Trials that wait for a worker: a bounded list from which each slot takes what its warm workers are made for.

Importing a group's libraries costs seconds, a program milliseconds: so a slot stays with the group it has, then
takes one that no other slot is at, and only then joins another.
"""

from __future__ import annotations

import threading
from collections import deque

from ..types import Trial

AHEAD = 256
"""Trials that may wait: enough to see past the end of a group."""
Group = tuple[str, str]
"""Environment and preload group."""


class Waiting:
    """Between one thread that puts and the threads of the slots, which take."""

    def __init__(self) -> None:
        self._trials: deque[Trial] = deque()
        self._at: dict[int, Group] = {}
        self._changed = threading.Condition()
        self._ended = self._closed = False

    def put(self, trial: Trial) -> bool:
        """Wait for room; False once nobody takes any more."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or len(self._trials) < AHEAD)
            if self._closed:
                return False
            self._trials.append(trial)
            self._changed.notify_all()
            return True

    def end(self) -> None:
        """No more will be put."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def close(self) -> None:
        """Nobody takes any more: whoever waits is let go."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def take(self, slot: int) -> Trial | None:
        """The next trial for a slot; None when there will be none."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._ended or self._trials)
            if self._closed or not self._trials:
                return None
            place = self._best(slot)
            trial = self._trials[place]
            del self._trials[place]
            self._at[slot] = _group(trial)
            self._changed.notify_all()
            return trial

    def _best(self, slot: int) -> int:
        own = self._at.get(slot)
        others = {group for number, group in self._at.items() if number != slot}
        free = None
        for place, trial in enumerate(self._trials):
            group = _group(trial)
            if group == own:
                return place
            if free is None and group not in others:
                free = place
        return free or 0


def _group(trial: Trial) -> Group:
    return trial.environment, trial.group
