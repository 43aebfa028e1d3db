"""Store what references do: the answers and times that candidates are judged by, and what they are asked.

Computed once in the sandbox and kept in the cache folder under a name made of everything it depends on:
another data file, reference, environment or format is another name.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from ..data import get_cache_dir
from .inside import codec

RULES = 10
"""Raised whenever what is stored under a name would come out otherwise."""
LATEST = 4
"""Blobs that are not lasting and are kept all the same."""
T = TypeVar("T")


class Expected:
    """Results of references, by name; safe to use from several threads."""

    def __init__(self, environment_digest: str) -> None:
        self._environment_digest = environment_digest
        self._known: dict[str, Any] = {}
        self._latest: dict[str, Any] = {}
        self._locks: dict[str, threading.Lock] = {}
        self._lock = threading.Lock()

    def of(
        self,
        facts: Sequence[Any],
        compute: Callable[[], bytes],
        read: Callable[[str, bytes], T],
        *,
        lasting: bool = True,
    ) -> T:
        """Return `read(name, blob)` of the blob for `facts` (JSON): from memory, the cache folder, or `compute`.

        What is not `lasting` is kept in memory, and only the latest few.

        Raises:
            LinkLost: `compute` does.
        """
        name = self._name(facts)
        with self._lock_of(name):
            if not lasting:
                return self._compute_passing(name, compute, read)
            value = self._load_kept(name, read)
            if value is None:
                value = self._known[name] = self._compute_lasting(name, compute, read)
            return value

    def known(self, facts: Sequence[Any], read: Callable[[str, bytes], T]) -> T | None:
        """Return what `of` does, but None if it has not been computed."""
        name = self._name(facts)
        with self._lock_of(name):
            return self._load_kept(name, read)

    def _name(self, facts: Sequence[Any]) -> str:
        text = json.dumps([RULES, codec.VERSION, self._environment_digest, *facts])
        return hashlib.sha256(text.encode()).hexdigest()

    def _lock_of(self, name: str) -> threading.Lock:
        with self._lock:
            return self._locks.setdefault(name, threading.Lock())

    def _load_kept(self, name: str, read: Callable[[str, bytes], T]) -> T | None:
        if name not in self._known and (path := _path(name)).is_file():
            self._known[name] = read(name, path.read_bytes())
        value: T | None = self._known.get(name)
        return value

    def _compute_passing(self, name: str, compute: Callable[[], bytes], read: Callable[[str, bytes], T]) -> T:
        value: T | None = self._latest.get(name)
        if value is None:
            value = read(name, compute())
            with self._lock:
                self._latest[name] = value
                for old in list(self._latest)[:-LATEST]:
                    del self._latest[old]
        return value

    def _compute_lasting(self, name: str, compute: Callable[[], bytes], read: Callable[[str, bytes], T]) -> T:
        path = _path(name)
        blob = compute()
        value = read(name, blob)  # a damaged report must not reach the cache
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
            file.write(blob)
        Path(file.name).replace(path)
        return value


def _path(name: str) -> Path:
    return get_cache_dir() / "expected" / name[:2] / name
