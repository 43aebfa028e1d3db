"""Compare sets of shingles: MinHash finds candidates, the exact Jaccard index decides.

MinHash and its index are datasketch's (MIT; Broder 1997), of the extra `evolve`.
A pair near the threshold can be missed: the index finds a pair at the threshold with high
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


class MinHashIndex:
    """Index of sets, which finds the added set that is most similar to another one.

    Raises:
        UsageError: datasketch is not installed.
    """

    def __init__(self, threshold: float) -> None:
        sketches = import_datasketch()
        self._threshold = threshold
        self._make = sketches.MinHash
        self._lsh: Any = sketches.MinHashLSH(threshold=max(0.1, threshold - MARGIN), num_perm=PERMUTATIONS)
        self._sets: dict[Hashable, Shingles] = {}

    def add(self, key: Hashable, shingles: Shingles) -> None:
        """Add a set; an empty one is similar to none."""
        self._add(key, shingles, self._hash(shingles))

    def find_nearest(self, shingles: Shingles) -> tuple[Hashable, float] | None:
        """Return the most similar added set with its Jaccard index; None if none reaches the threshold."""
        return self._find_nearest(shingles, self._hash(shingles))

    def find_or_add(self, key: Hashable, shingles: Shingles) -> tuple[Hashable, float] | None:
        """Return what `find_nearest` does; add the set if there is none."""
        sketch = self._hash(shingles)
        nearest = self._find_nearest(shingles, sketch)
        if nearest is None:
            self._add(key, shingles, sketch)
        return nearest

    def _hash(self, shingles: Shingles) -> Any:
        sketch = self._make(num_perm=PERMUTATIONS, hashfunc=_keep_value)
        if shingles:
            sketch.update_batch(sorted(shingles))
        return sketch

    def _add(self, key: Hashable, shingles: Shingles, sketch: Any) -> None:
        if shingles:
            self._lsh.insert(key, sketch, check_duplication=False)
            self._sets[key] = shingles

    def _find_nearest(self, shingles: Shingles, sketch: Any) -> tuple[Hashable, float] | None:
        if not shingles:
            return None
        candidates = [(compute_jaccard(shingles, self._sets[key]), str(key), key) for key in self._lsh.query(sketch)]
        best = max(candidates, default=None, key=lambda one: one[:2])
        return (best[2], best[0]) if best and best[0] >= self._threshold else None


def compute_jaccard(first: Shingles, second: Shingles) -> float:
    """Return the Jaccard index of two sets."""
    return len(first & second) / len(first | second)


def hash_shingles(tokens: Sequence[str], size: int) -> Shingles:
    """Return the 32-bit hashes of all runs of `size` tokens; of all tokens together if there are fewer."""
    if not tokens:
        return frozenset()
    return frozenset(crc32("\0".join(run).encode("utf-8", "replace")) for run in _list_runs(tokens, size))


def import_datasketch() -> Any:
    """Import the package datasketch.

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


def _list_runs(tokens: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    for start in range(max(1, len(tokens) - size + 1)):
        yield tokens[start : start + size]


def _keep_value(value: int) -> int:
    return value
