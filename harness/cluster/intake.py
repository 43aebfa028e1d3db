"""Items on their way into a fleet: read as there is room for them, in a thread where reading them may take long."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

AHEAD = 256
"""Items read before there is room for them, by a thread."""

Item = TypeVar("Item")


class Intake(Generic[Item]):
    """Reads `items`; if `wake` is given, in a thread that calls it when an item came. Call `close` at the end."""

    def __init__(self, items: Iterable[Item], wake: Callable[[], None] | None = None) -> None:
        self._items = iter(items)
        self._wake = wake
        self._waiting: deque[Item] = deque()
        self._changed = threading.Condition()
        self._over = self._closed = False
        self._failure: BaseException | None = None
        if wake is not None:
            threading.Thread(target=self._read, daemon=True).start()

    @property
    def ended(self) -> bool:
        """Return whether there are no more items, and will be none."""
        with self._changed:
            return self._over and not self._waiting

    def take(self) -> Item | None:
        """Return the next item; None if there is none now.

        Raises:
            BaseException: what reading them raised.
        """
        if self._wake is None:
            item = next(self._items, None)
            self._over = item is None
            return item
        with self._changed:
            if self._waiting:
                self._changed.notify_all()
                return self._waiting.popleft()
            if self._failure is not None:
                raise self._failure
        return None

    def close(self) -> None:
        """Stop reading."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _read(self) -> None:
        assert self._wake is not None
        try:
            for item in self._items:
                with self._changed:
                    self._changed.wait_for(lambda: self._closed or len(self._waiting) < AHEAD)
                    if self._closed:
                        return
                    # Only the first: while others wait, there is no room for them or they are being taken.
                    first = not self._waiting
                    self._waiting.append(item)
                if first:
                    self._wake()
        except BaseException as error:  # noqa: BLE001 - raised again where the items are taken
            self._failure = error
        with self._changed:
            self._over = self._failure is None
        self._wake()
