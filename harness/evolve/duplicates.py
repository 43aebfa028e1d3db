"""Find rows that repeat an earlier one, word for word or nearly.

A row is its instruction, input and answer. Shingles are of five words; a rewritten instruction with another answer
is far from its parent, a row that differs in a name or a number is not.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .elimination import fold_text
from .records import InstructionRow
from .similarity import MinHashIndex, hash_shingles

NEAR = 0.9
WORDS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class RemovedRow:
    """A row that was removed, and why."""

    row: InstructionRow
    why: str
    """duplicate, near-duplicate, or the contamination's layer."""
    of: str
    """The row or the problem that it repeats."""
    likeness: float = 1.0

    def to_json(self) -> dict[str, Any]:
        """Return it as a row of removed.jsonl."""
        told = {"id": self.row.id, "why": self.why, "of": self.of, "likeness": round(self.likeness, 4)}
        return {**told, "instruction": self.row.whole, "output": self.row.output}


def remove_duplicates(
    rows: Sequence[InstructionRow], near: float | None = NEAR
) -> tuple[list[InstructionRow], list[RemovedRow]]:
    """Return the rows that repeat no earlier one, and the removed rows; `near` None: exact duplicates only.

    Raises:
        UsageError: near-duplicates are asked for, and datasketch is not installed.
    """
    kept, removed = [], []
    seen: dict[str, str] = {}
    index = MinHashIndex(near) if near is not None else None
    for row in rows:
        text = fold_text(f"{row.whole}\n{row.output}")
        if text in seen:
            removed.append(RemovedRow(row=row, why="duplicate", of=seen[text]))
            continue
        seen[text] = row.id
        duplicate = index.find_or_add(row.id, hash_shingles(re.findall(r"\w+", text), WORDS)) if index else None
        if duplicate:
            removed.append(RemovedRow(row=row, why="near-duplicate", of=str(duplicate[0]), likeness=duplicate[1]))
        else:
            kept.append(row)
    return kept, removed


def measure_near_duplicates(texts: Sequence[str], near: float = NEAR) -> float:
    """Return the fraction of texts that are near-duplicates of an earlier one.

    Raises:
        UsageError: datasketch is not installed.
    """
    index = MinHashIndex(near)
    count = 0
    for number, text in enumerate(texts):
        tokens = re.findall(r"\w+", text.lower())
        count += index.find_or_add(number, hash_shingles(tokens, WORDS)) is not None
    return count / len(texts) if texts else 0.0
