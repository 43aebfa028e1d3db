"""Filter the merged rows in the end: duplicates, and what repeats a benchmark."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from .. import registry
from ..progress import Progress
from ..tasks.suite import Suite, load_suite
from .contamination import LEAST_NODES, LEAST_WORDS, Hit, TextIndex, Thresholds
from .duplicates import NEAR, Removed, without_duplicates
from .execution import Executed, solved_problems
from .records import Row
from .similarity import datasketch

LAYERS = ("substring", "n-grams", "similarity", "execution")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sieve:
    """Filter for rows, with its settings."""

    near: float | None = NEAR
    """From which Jaccard index on rows are near-duplicates; None: exact ones alone."""
    against: tuple[str, ...] = ()
    """Benchmarks to compare with; none: no comparison."""
    thresholds: Thresholds = field(default_factory=Thresholds)
    execute: bool = False
    """Run the rows' functions against the benchmarks' tests."""
    sandbox: str | None = None
    workers: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sifted:
    """Rows that are left, rows that were removed, and what was found of benchmarks."""

    rows: list[Row]
    removed: list[Removed]
    contamination: dict[str, Any] | None
    """Counts, method and touched problems, JSON-ready; None where nothing was compared."""


def all_benchmarks() -> tuple[str, ...]:
    """Every benchmark the harness knows, by name."""
    return tuple(registry.names("benchmarks"))


def load(sieve: Sieve) -> list[Suite]:
    """The benchmarks to compare with; done before anything is asked, for what it takes may be missing.

    Raises:
        UsageError: datasketch is not installed, and a part that needs it is asked for; or as `load_suite`.
        DataError: as `load_suite`.
    """
    if sieve.near is not None or (sieve.against and sieve.thresholds.similarity is not None):
        datasketch()
    return [load_suite(name) for name in sieve.against]


def sift(rows: Sequence[Row], sieve: Sieve, suites: Sequence[Suite], progress: Progress) -> Sifted:
    """Sift `rows`; earlier rows win over later ones.

    Raises:
        UsageError: datasketch is not installed, and a part that needs it is asked for.
        SandboxUnavailable: code is to be run, and there is no sandbox.
    """
    kept, removed = without_duplicates(rows, sieve.near)
    if not suites:
        return Sifted(rows=kept, removed=removed, contamination=None)
    index = TextIndex(suites, sieve.thresholds)
    progress.start("compare", len(kept))
    hits: list[Hit] = []
    for row in kept:
        hits += index.hits(row)
        progress.advance("compare")
    progress.finish("compare")
    executed = None
    if sieve.execute:
        executed = solved_problems(kept, suites, sandbox=sieve.sandbox, workers=sieve.workers, progress=progress)
        hits += executed.hits
    by_row: dict[str, list[Hit]] = {}
    for hit in hits:
        by_row.setdefault(hit.row_id, []).append(hit)
    touched = [row for row in kept if row.id in by_row]
    removed += [_removed(row, by_row[row.id]) for row in touched]
    return Sifted(
        rows=[row for row in kept if row.id not in by_row],
        removed=removed,
        contamination=summary(len(kept), hits, suites, sieve, executed),
    )


def summary(
    rows: int, hits: Sequence[Hit], suites: Sequence[Suite], sieve: Sieve, executed: Executed | None
) -> dict[str, Any]:
    """Return what the manifest says of contamination: method, counts by layer, touched problems by benchmark."""
    touched: dict[str, set[str]] = {suite.name: set() for suite in suites}
    for hit in hits:
        touched[hit.benchmark].add(hit.task_id)
    order = {suite.name: {task: place for place, task in enumerate(suite.problems)} for suite in suites}
    return {
        "benchmarks": {suite.name: suite.describe_data() for suite in suites},
        "method": {
            "substring": f"runs of words, {LEAST_WORDS} or more",
            "ngram_share": sieve.thresholds.ngram_share,
            "similarity": sieve.thresholds.similarity,
            "least_nodes": LEAST_NODES,
        },
        "executed": executed is not None,
        "execution": executed.facts() if executed else None,
        "rows": rows,
        "rows_removed": len({hit.row_id for hit in hits}),
        "rows_by_layer": {layer: len({hit.row_id for hit in hits if hit.layer == layer}) for layer in LAYERS},
        "touched": {name: sorted(tasks, key=order[name].__getitem__) for name, tasks in touched.items() if tasks},
    }


def counted(removed: Sequence[Removed]) -> dict[str, int]:
    """How many rows were removed for what."""
    return dict(sorted(Counter(one.why for one in removed).items()))


def _removed(row: Row, hits: Sequence[Hit]) -> Removed:
    layers = sorted({hit.layer for hit in hits}, key=LAYERS.index)
    problems = "; ".join(dict.fromkeys(hit.problem for hit in hits))
    likeness = max(hit.likeness for hit in hits)
    return Removed(row=row, why=f"contaminated: {', '.join(layers)}", of=problems, likeness=likeness)
