"""Calibrate a judge before it eliminates anything: ask it about pairs of instructions that are known.

The pairs are ours (pairs.jsonl): half of them say the same in other words, half differ in what they demand. A small
model may answer "Equal" to everything, and an evolution that believed it would throw every attempt away.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .records import PAIRS

LEAST = 0.75
"""Smallest accuracy that is believed. Guessing reaches it on 40 pairs once in a thousand times."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Two instructions, and whether they are equal."""

    id: str
    first: str
    second: str
    equal: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """A judge's answers to known pairs."""

    equal: int
    """Pairs that are equal."""
    unequal: int
    equal_right: int
    unequal_right: int
    unclear: int
    """Answers that were neither "Equal" nor "Not Equal"; they count as wrong."""

    @property
    def accuracy(self) -> float:
        """Return the share of pairs that were judged rightly."""
        return (self.equal_right + self.unequal_right) / (self.equal + self.unequal)

    @property
    def is_believed(self) -> bool:
        """Tell whether the judge can tell the pairs apart."""
        return self.accuracy >= LEAST

    def describe(self) -> dict[str, Any]:
        """Return the figures for the statistics, JSON-ready."""
        return {
            "pairs": self.equal + self.unequal,
            "accuracy": round(self.accuracy, 4),
            "equal_told_equal": [self.equal_right, self.equal],
            "unequal_told_unequal": [self.unequal_right, self.unequal],
            "unclear": self.unclear,
            "believed": self.is_believed,
        }

    def format(self) -> str:
        """Return the figures in a line, and what follows from them."""
        line = (
            f"the judge tells {self.equal_right} of {self.equal} equal and {self.unequal_right} of {self.unequal} "
            f"unequal pairs of instructions rightly ({100 * self.accuracy:.0f} %, {self.unclear} unclear)"
        )
        if self.is_believed:
            return line
        return f"warning: {line}: it is not believed and eliminates nothing; name a better one with --judge"


def read_pairs() -> list[Pair]:
    """Return the known pairs."""
    lines = PAIRS.read_text(encoding="utf-8").splitlines()
    return [Pair(id=f"pair{number:02}", **json.loads(line)) for number, line in enumerate(lines, 1)]


def calibrate(pairs: Sequence[Pair], said: Sequence[bool | None]) -> Calibration:
    """Compare what a judge said of each pair (None: nothing clear) with what is known."""
    right = [pair.equal for pair, equal in zip(pairs, said, strict=True) if equal is pair.equal]
    equal = sum(pair.equal for pair in pairs)
    return Calibration(
        equal=equal,
        unequal=len(pairs) - equal,
        equal_right=sum(right),
        unequal_right=len(right) - sum(right),
        unclear=sum(one is None for one in said),
    )
