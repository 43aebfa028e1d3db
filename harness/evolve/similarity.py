"""Sets of shingles and how alike they are: MinHash finds candidates, the exact Jaccard index decides.

MinHash and its index are datasketch's (MIT; Broder 1997), of the extra `evolve`.
Not promised: a pair that lies near the threshold can be missed; the index finds a pair at the threshold with high
probability only.
"""

from __future__ import annotations

import importlib
from collections.abc import Hashable, Iterator, Sequence
from typing import Any
from zlib import crc32

from ..errors import UsageError, install_hint

PERMUTATIONS = 128
MARGIN = 0.1
"""The index looks for pairs that are this much less alike, so that few are missed."""

Shingles = frozenset[int]


class Index:
    """Sets that were added, and which of it is at least `threshold` alike to something else.

    Raises:
        UsageError: datasketch is not installed.
    """

    def __init__(self, threshold: float) -> None:
        sketches = datasketch()
        self._threshold = threshold
        self._make = sketches.MinHash
        self._lsh: Any = sketches.MinHashLSH(threshold=max(0.1, threshold - MARGIN), num_perm=PERMUTATIONS)
        self._sets: dict[Hashable, Shingles] = {}

    def add(self, key: Hashable, shingles: Shingles) -> None:
        """Keep a set; an empty one is like no other."""
        self._add(key, shingles, self._hash(shingles))

    def nearest(self, shingles: Shingles) -> tuple[Hashable, float] | None:
        """The most alike of what was added, with its Jaccard index; None where nothing reaches the threshold."""
        return self._nearest(shingles, self._hash(shingles))

    def nearest_or_add(self, key: Hashable, shingles: Shingles) -> tuple[Hashable, float] | None:
        """Return what `nearest` does; add the set if there is none."""
        sketch = self._hash(shingles)
        found = self._nearest(shingles, sketch)
        if found is None:
            self._add(key, shingles, sketch)
        return found

    def _hash(self, shingles: Shingles) -> Any:
        sketch = self._make(num_perm=PERMUTATIONS, hashfunc=_as_it_is)
        if shingles:
            sketch.update_batch(sorted(shingles))
        return sketch

    def _add(self, key: Hashable, shingles: Shingles, sketch: Any) -> None:
        if shingles:
            self._lsh.insert(key, sketch, check_duplication=False)
            self._sets[key] = shingles

    def _nearest(self, shingles: Shingles, sketch: Any) -> tuple[Hashable, float] | None:
        if not shingles:
            return None
        found = [(jaccard(shingles, self._sets[key]), str(key), key) for key in self._lsh.query(sketch)]
        best = max(found, default=None, key=lambda one: one[:2])
        return (best[2], best[0]) if best and best[0] >= self._threshold else None


def jaccard(first: Shingles, second: Shingles) -> float:
    """The share of common elements in all of both."""
    return len(first & second) / len(first | second)


def shingles(tokens: Sequence[str], size: int) -> Shingles:
    """The hashes (32 bits) of all runs of `size` tokens; of all tokens together where they are fewer."""
    if not tokens:
        return frozenset()
    return frozenset(crc32("\0".join(run).encode("utf-8", "replace")) for run in _runs(tokens, size))


def datasketch() -> Any:
    """The package.

    Raises:
        UsageError: it is not installed.
    """
    try:
        return importlib.import_module("datasketch")
    except ImportError as error:
        raise UsageError(
            f"near-duplicates need the package {error.name}: {install_hint('evolve')}, "
            "or leave them out with --no-near-duplicates and --no-decontaminate"
        ) from error


def _runs(tokens: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    for start in range(max(1, len(tokens) - size + 1)):
        yield tokens[start : start + size]


def _as_it_is(value: int) -> int:
    return value
