"""Expected values of call-based problems: what the reference returns, and how long it takes.

Computed once in the sandbox, where candidates run, and kept in the cache folder under a name made of
everything they depend on: another data file, reference or format is another name.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from ..data import cache_dir
from ..types import Calls
from .inside import codec, frames

RULES = 3
"""Raised whenever what is stored under a name would come out otherwise."""
Reveal = tuple[tuple[int, ...], ...]
"""For each part the calls whose values are told in full, however large."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """What the reference did: for each part the carried report of its calls, and their CPU seconds."""

    name: str
    """Of everything it depends on."""
    chunks: list[bytes]
    times_s: list[list[float]]


class Expected:
    """The expected values of problems, computed when first asked for; safe to use from several threads."""

    def __init__(self, environment_digest: str) -> None:
        self._environment_digest = environment_digest
        self._known: dict[str, Reference] = {}
        self._locks: dict[str, threading.Lock] = {}
        self._lock = threading.Lock()

    def of(self, calls: Calls, reveal: Reveal, compute: Callable[[], bytes]) -> Reference:
        """From memory, the cache folder, or `compute`, which runs the reference and returns its report."""
        name = self._name(calls, reveal)
        with self._lock:
            lock = self._locks.setdefault(name, threading.Lock())
        with lock:
            if name not in self._known:
                self._known[name] = _reference(name, self._load(name, compute))
            return self._known[name]

    def _load(self, name: str, compute: Callable[[], bytes]) -> bytes:
        path = cache_dir() / "expected" / name[:2] / name
        if path.is_file():
            return path.read_bytes()
        blob = compute()
        _reference(name, blob)  # a damaged report must not reach the cache
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
            file.write(blob)
        Path(file.name).replace(path)
        return blob

    def _name(self, calls: Calls, reveal: Reveal) -> str:
        facts = [RULES, codec.VERSION, self._environment_digest, calls.key, calls.entry_point, calls.reference, reveal]
        return hashlib.sha256(json.dumps(facts).encode()).hexdigest()


def inputs_of(calls: Calls) -> Iterable[bytes]:
    """The encoded inputs of each part."""
    return [codec.encode([list(arguments) for arguments in part.inputs]) for part in calls.parts]


def _reference(name: str, blob: bytes) -> Reference:
    chunks = frames.chunks(blob)
    return Reference(name=name, chunks=chunks, times_s=[codec.decode(chunk)[2] for chunk in chunks])
