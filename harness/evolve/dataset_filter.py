"""Filter the merged rows at the end: remove duplicates, and rows that repeat a benchmark."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from ..progress import Progress
from ..tasks.suite import Suite, load_suite
from ..tasks.variants import list_at_hand
from .contamination import LEAST_NODES, LEAST_WORDS, ContaminationThresholds, Hit, TextIndex
from .duplicates import NEAR, RemovedRow, remove_duplicates
from .execution import ExecutionResult, find_solved_problems
from .records import InstructionRow
from .similarity import import_datasketch

LAYERS = ("substring", "n-grams", "similarity", "execution")


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetFilter:
    """Settings of the filter."""

    near: float | None = NEAR
    """Jaccard index from which rows are near-duplicates; None: only exact duplicates are removed."""
    against: tuple[str, ...] = ()
    """Benchmarks to compare with; none: no comparison."""
    thresholds: ContaminationThresholds = field(default_factory=ContaminationThresholds)
    execute: bool = False
    """Run the rows' functions against the benchmarks' tests."""
    sandbox: str | None = None
    workers: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FilterResult:
    """Rows that are left, rows that were removed, and what was found of benchmarks."""

    rows: list[InstructionRow]
    removed: list[RemovedRow]
    contamination: dict[str, Any] | None
    """Counts, method and touched problems, JSON-ready; None where nothing was compared."""


def list_benchmarks() -> tuple[str, ...]:
    """Return the names of all benchmarks whose data is here or can be had quickly."""
    return tuple(list_at_hand())


def load_suites(dataset_filter: DatasetFilter) -> list[Suite]:
    """Load the benchmarks to compare with, before anything is asked: what they need may be missing.

    Raises:
        UsageError: datasketch is not installed, and a part that needs it is asked for; or as `load_suite`.
        DataError: as `load_suite`.
    """
    if dataset_filter.near is not None or (dataset_filter.against and dataset_filter.thresholds.similarity is not None):
        import_datasketch()
    return [load_suite(name) for name in dataset_filter.against]


def filter_rows(
    rows: Sequence[InstructionRow], dataset_filter: DatasetFilter, suites: Sequence[Suite], progress: Progress
) -> FilterResult:
    """Filter `rows`; earlier rows win over later ones.

    Raises:
        UsageError: datasketch is not installed, and a part that needs it is asked for.
        SandboxUnavailable: code is to be run, and there is no sandbox.
    """
    kept, removed = remove_duplicates(rows, dataset_filter.near)
    if not suites:
        return FilterResult(rows=kept, removed=removed, contamination=None)
    index = TextIndex(suites, dataset_filter.thresholds)
    progress.start("compare", len(kept))
    hits: list[Hit] = []
    for row in kept:
        hits += index.find_hits(row)
        progress.advance("compare")
    progress.finish("compare")
    executed = None
    if dataset_filter.execute:
        executed = find_solved_problems(
            kept, suites, sandbox=dataset_filter.sandbox, workers=dataset_filter.workers, progress=progress
        )
        hits += executed.hits
    by_row: dict[str, list[Hit]] = {}
    for hit in hits:
        by_row.setdefault(hit.row_id, []).append(hit)
    touched = [row for row in kept if row.id in by_row]
    removed += [_build_removed(row, by_row[row.id]) for row in touched]
    return FilterResult(
        rows=[row for row in kept if row.id not in by_row],
        removed=removed,
        contamination=summarize_contamination(len(kept), hits, suites, dataset_filter, executed),
    )


def summarize_contamination(
    rows: int,
    hits: Sequence[Hit],
    suites: Sequence[Suite],
    dataset_filter: DatasetFilter,
    executed: ExecutionResult | None,
) -> dict[str, Any]:
    """Summarize contamination for the manifest: method, counts by layer, touched problems by benchmark."""
    touched: dict[str, set[str]] = {suite.name: set() for suite in suites}
    for hit in hits:
        touched[hit.benchmark].add(hit.task_id)
    order = {suite.name: {task: place for place, task in enumerate(suite.problems)} for suite in suites}
    return {
        "benchmarks": {suite.name: suite.describe_data() for suite in suites},
        "method": {
            "substring": f"runs of words, {LEAST_WORDS} or more",
            "ngram_share": dataset_filter.thresholds.ngram_share,
            "similarity": dataset_filter.thresholds.similarity,
            "least_nodes": LEAST_NODES,
        },
        "executed": executed is not None,
        "execution": executed.describe() if executed else None,
        "rows": rows,
        "rows_removed": len({hit.row_id for hit in hits}),
        "rows_by_layer": {layer: len({hit.row_id for hit in hits if hit.layer == layer}) for layer in LAYERS},
        "touched": {name: sorted(tasks, key=order[name].__getitem__) for name, tasks in touched.items() if tasks},
    }


def count_removed(removed: Sequence[RemovedRow]) -> dict[str, int]:
    """Count the removed rows by reason."""
    return dict(sorted(Counter(one.why for one in removed).items()))


def _build_removed(row: InstructionRow, hits: Sequence[Hit]) -> RemovedRow:
    layers = sorted({hit.layer for hit in hits}, key=LAYERS.index)
    problems = "; ".join(dict.fromkeys(hit.problem for hit in hits))
    likeness = max(hit.likeness for hit in hits)
    return RemovedRow(row=row, why=f"contaminated: {', '.join(layers)}", of=problems, likeness=likeness)
