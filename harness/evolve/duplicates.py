"""Which rows say the same as an earlier one: word for word, or nearly.

A row is its instruction, input and answer. Shingles are of five words; a rewritten instruction with another answer
is far from its parent, a row that differs in a name or a number is not.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .elimination import folded
from .records import Row
from .similarity import Index, shingles

NEAR = 0.9
WORDS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Removed:
    """A row that was sifted out, and why."""

    row: Row
    why: str
    """duplicate, near-duplicate, or the contamination's layer."""
    of: str
    """The row or the problem that it repeats."""
    likeness: float = 1.0

    def as_json(self) -> dict[str, Any]:
        """Return it as a row of removed.jsonl."""
        told = {"id": self.row.id, "why": self.why, "of": self.of, "likeness": round(self.likeness, 4)}
        return {**told, "instruction": self.row.whole, "output": self.row.output}


def without_duplicates(rows: Sequence[Row], near: float | None = NEAR) -> tuple[list[Row], list[Removed]]:
    """The rows of which no earlier one says the same, and those that were removed; `near` None: exact ones alone.

    Raises:
        UsageError: near-duplicates are asked for, and datasketch is not installed.
    """
    kept, removed = [], []
    seen: dict[str, str] = {}
    index = Index(near) if near is not None else None
    for row in rows:
        text = folded(f"{row.whole}\n{row.output}")
        if text in seen:
            removed.append(Removed(row=row, why="duplicate", of=seen[text]))
            continue
        seen[text] = row.id
        found = index.nearest_or_add(row.id, shingles(re.findall(r"\w+", text), WORDS)) if index else None
        if found:
            removed.append(Removed(row=row, why="near-duplicate", of=str(found[0]), likeness=found[1]))
        else:
            kept.append(row)
    return kept, removed


def near_duplicate_share(texts: Sequence[str], near: float = NEAR) -> float:
    """The share of texts that are nearly the same as an earlier one.

    Raises:
        UsageError: datasketch is not installed.
    """
    index = Index(near)
    found = 0
    for number, text in enumerate(texts):
        tokens = re.findall(r"\w+", text.lower())
        found += index.nearest_or_add(number, shingles(tokens, WORDS)) is not None
    return found / len(texts) if texts else 0.0
