"""What references do, kept: the answers and times that candidates are judged by.

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

from ..data import cache_dir
from .inside import codec

RULES = 6
"""Raised whenever what is stored under a name would come out otherwise."""
T = TypeVar("T")


class Expected:
    """What was computed of references, by name; safe to use from several threads."""

    def __init__(self, environment_digest: str) -> None:
        self._environment_digest = environment_digest
        self._known: dict[str, Any] = {}
        self._locks: dict[str, threading.Lock] = {}
        self._lock = threading.Lock()

    def of(self, facts: Sequence[Any], compute: Callable[[], bytes], read: Callable[[str, bytes], T]) -> T:
        """`read(name, blob)` of the blob for `facts` (JSON): from memory, the cache folder, or `compute`.

        Raises:
            LinkLost: `compute` does.
        """
        text = json.dumps([RULES, codec.VERSION, self._environment_digest, *facts])
        name = hashlib.sha256(text.encode()).hexdigest()
        with self._lock:
            lock = self._locks.setdefault(name, threading.Lock())
        with lock:
            if name not in self._known:
                self._known[name] = self._load(name, compute, read)
            found: T = self._known[name]
            return found

    def _load(self, name: str, compute: Callable[[], bytes], read: Callable[[str, bytes], T]) -> T:
        path = cache_dir() / "expected" / name[:2] / name
        if path.is_file():
            return read(name, path.read_bytes())
        blob = compute()
        found = read(name, blob)  # a damaged report must not reach the cache
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
            file.write(blob)
        Path(file.name).replace(path)
        return found
