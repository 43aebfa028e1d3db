"""Statistics of an evolution: attempts by operator, round and reason, diversity, length, difficulty.

Difficulty is counted, not judged: words of the instruction, and branches, loops and nesting in the answer's Python.
These figures need not be what people call difficult.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from statistics import mean, median
from typing import Any

from .blocks import parse_blocks
from .duplicates import measure_near_duplicates
from .records import InstructionRow
from .rounds import EvolvedData

BRANCHES = (ast.If, ast.For, ast.While, ast.Try, ast.With, ast.IfExp, ast.comprehension, ast.BoolOp, ast.Match)
BLOCKS = (ast.If, ast.For, ast.While, ast.Try, ast.With, ast.FunctionDef, ast.ClassDef)


def compute_statistics(found: EvolvedData, near: float | None) -> dict[str, Any]:
    """Compute all figures, JSON-ready; without near-duplicates if `near` is None."""
    by_round: dict[int, list[InstructionRow]] = {}
    for row in found.rows:
        by_round.setdefault(row.round, []).append(row)
    return {
        "attempts": _count_attempts(found),
        "reasons": _count_words(str(one.reason) for one in found.rejections),
        "unclear_judgements": found.unclear,
        "unanswered_seeds": len(found.unanswered),
        "examples": {name: count for name, count in found.verified.items() if count},
        **({"judge": found.calibration.describe()} if found.calibration else {}),
        "rounds": {str(number): _describe_round(rows, near) for number, rows in sorted(by_round.items())},
    }


def _count_attempts(found: EvolvedData) -> list[dict[str, Any]]:
    """Count attempts, survivors and rejections by reason, for each round and operator."""
    kept = Counter((row.round, row.operator) for row in found.rows if row.operator)
    reasons: dict[tuple[int, str], Counter[str]] = {}
    for one in found.rejections:
        reasons.setdefault((one.round, one.operator), Counter())[str(one.reason)] += 1
    return [
        {
            "round": number,
            "operator": operator,
            "attempts": count,
            "kept": kept[number, operator],
            "rejected": dict(sorted(reasons.get((number, operator), Counter()).items())),
        }
        for (number, operator), count in sorted(found.drawn.items())
    ]


def _describe_round(rows: Sequence[InstructionRow], near: float | None) -> dict[str, Any]:
    instructions = [row.whole for row in rows]
    trees = [tree for row in rows for tree in parse_blocks(row.output)]
    figures: dict[str, Any] = {
        "rows": len(rows),
        "instruction_words": _summarize([len(text.split()) for text in instructions]),
        "answer_words": _summarize([len(row.output.split()) for row in rows]),
        "distinct_1": measure_distinct(instructions, 1),
        "distinct_2": measure_distinct(instructions, 2),
        "distinct_3": measure_distinct(instructions, 3),
        "rows_with_python": len([row for row in rows if any(True for _ in parse_blocks(row.output))]),
        "branches": _summarize([sum(isinstance(node, BRANCHES) for node in ast.walk(tree)) for tree in trees]),
        "nesting": _summarize([measure_nesting(tree) for tree in trees]),
    }
    if near is not None:
        figures["near_duplicates"] = round(measure_near_duplicates(instructions, near), 4)
    return figures


def measure_distinct(texts: Iterable[str], size: int) -> float:
    """Return distinct n-grams over all n-grams of the texts' words (Li et al. 2016); 0 if there are none."""
    seen: set[tuple[str, ...]] = set()
    total = 0
    for text in texts:
        words = re.findall(r"\w+", text.lower())
        runs = [tuple(words[start : start + size]) for start in range(len(words) - size + 1)]
        total += len(runs)
        seen.update(runs)
    return round(len(seen) / total, 4) if total else 0.0


def measure_nesting(tree: ast.AST) -> int:
    """Return the depth of nested blocks."""
    return max(((isinstance(node, BLOCKS)) + measure_nesting(node) for node in ast.iter_child_nodes(tree)), default=0)


def _summarize(numbers: Sequence[int]) -> dict[str, float]:
    if not numbers:
        return {"mean": 0.0, "median": 0.0, "max": 0.0}
    return {"mean": round(mean(numbers), 2), "median": float(median(numbers)), "max": float(max(numbers))}


def _count_words(words: Iterable[str]) -> dict[str, int]:
    return dict(Counter(words).most_common())
