"""Compare two or more runs over the same problems: scores, differences to the first, problems solved.

All figures are over the problems that the runs of a row share. Differences are tested at pass@1 and corrected
together; at other k there is a difference with its interval and no test.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ..config import select_ks
from ..errors import StoreError
from ..metrics.pass_at_k import Interval, compute_pass_at_k, estimate_pass_at_k
from ..models.published import PublishedRow, read_published
from ..types import Score
from .runs import Counts, Run, find_caveats, find_mismatches, find_shared_benchmarks, read_runs
from .significance import HOLM, compute_bootstrap, compute_mcnemar, correct_by_holm

TESTED_K = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One run against the first, on one metric of one benchmark."""

    run: str
    benchmark: str
    metric: str
    baseline: Score
    candidate: Score
    value: float
    """Candidate minus baseline, as a fraction of 1."""
    interval: Interval | None
    p_value: float
    """Two-sided; NaN if nothing was tested."""
    p_corrected: float
    test: str
    lost: tuple[str, ...]
    """Problems that the first run solved (with any sample) and this one does not."""
    gained: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Result of `harness compare`."""

    runs: tuple[Run, ...]
    differences: tuple[Difference, ...]
    only_by: Mapping[str, Mapping[str, tuple[str, ...]]]
    """Benchmark -> run -> problems that this run alone solved."""
    published: tuple[PublishedRow, ...]
    mixed: tuple[str, ...]
    """Why these runs are not comparable; they were compared because `allow_mixed` was set."""
    caveats: tuple[str, ...]

    @property
    def tests(self) -> list[str]:
        """Return the names of the methods used."""
        used = list(dict.fromkeys(difference.test for difference in self.differences if difference.test))
        several = sum(not math.isnan(difference.p_value) for difference in self.differences) > 1
        return [*used, HOLM] if several else used


def compare(
    paths: Sequence[Path], *, allow_mixed: bool = False, common: bool = False, table: Path | None = None
) -> Comparison:
    """Compare the runs of the folders `paths` with the first of them; `table` has published figures.

    `common` compares runs of different problems on those that they share.

    Raises:
        StoreError: a folder is no run or damaged, no task is common, or the runs differ in what decides results
            and `allow_mixed` is False.
    """
    if len(paths) < 2:
        raise StoreError(f"{len(paths)} run is named; a comparison needs two or more")
    first, *others = runs = read_runs(paths)
    for other in others:
        if not find_shared_benchmarks(first, other):
            tasks = "; ".join(map(_format_tasks, (first, other)))
            raise StoreError(f"{first.path} and {other.path} have no task in common ({tasks})")
    mixed = list(dict.fromkeys(reason for other in others for reason in find_mismatches(first, other, common=common)))
    if mixed and not allow_mixed:
        raise StoreError(f"the runs cannot be compared: {'; '.join(mixed)}. --allow-mixed does it all the same")
    differences = [difference for other in others for difference in _compute_differences(first, other)]
    benchmarks = list(dict.fromkeys(difference.benchmark for difference in differences))
    return Comparison(
        runs=tuple(runs),
        differences=tuple(_correct_p_values(differences)),
        only_by={benchmark: _find_solved_by_one(runs, benchmark) for benchmark in benchmarks},
        published=tuple(read_published(benchmarks, table)),
        mixed=tuple(mixed),
        caveats=tuple(find_caveats(runs)),
    )


def _format_tasks(run: Run) -> str:
    counts = {name: len(tasks) for name, tasks in run.summary.manifest["tasks"].items()}
    return ", ".join(f"{count} of {name}" for name, count in counts.items()) or "none"


def _compute_differences(first: Run, other: Run) -> list[Difference]:
    results = []
    for benchmark in find_shared_benchmarks(first, other):
        parts = [part for part in first.list_parts(benchmark) if part in other.list_parts(benchmark)]
        for part in parts:
            a, b = _select_common(first.count_samples(benchmark, part), other.count_samples(benchmark, part))
            if not a:
                raise StoreError(f"{first.path} and {other.path} have no judged task of {benchmark} in common")
            least = min(n for n, _ in (*a.values(), *b.values()))
            results += [
                _compute_difference(run=other.name, benchmark=benchmark, part=part, a=a, b=b, k=k)
                for k in select_ks((), least)
            ]
    return results


def _select_common(a: Counts, b: Counts) -> tuple[Counts, Counts]:
    """Return both, cut to the tasks that have a judged sample in each."""
    shared = [task for task, (n, _) in a.items() if n and b.get(task, (0, 0))[0]]
    return {task: a[task] for task in shared}, {task: b[task] for task in shared}


def _compute_difference(*, run: str, benchmark: str, part: str, a: Counts, b: Counts, k: int) -> Difference:
    baseline, candidate = (compute_pass_at_k(counts, k, benchmark=benchmark) for counts in (a, b))
    lost = tuple(task for task in a if a[task][1] and not b[task][1])
    gained = tuple(task for task in a if b[task][1] and not a[task][1])
    if all(n == 1 for n, _ in (*a.values(), *b.values())):
        paired = compute_mcnemar(lost=len(lost), gained=len(gained), n=len(a))
    else:
        first, second = ([estimate_pass_at_k(*counts[task], k) for task in a] for counts in (a, b))
        paired = compute_bootstrap(first, second)
    return Difference(
        run=run,
        benchmark=benchmark,
        metric=part + baseline.metric,
        baseline=baseline,
        candidate=candidate,
        value=paired.value,
        interval=paired.interval,
        p_value=paired.p_value if k == TESTED_K else math.nan,
        p_corrected=math.nan,
        test=paired.test,
        lost=lost,
        gained=gained,
    )


def _correct_p_values(differences: Sequence[Difference]) -> list[Difference]:
    corrected = correct_by_holm([difference.p_value for difference in differences])
    return [replace(difference, p_corrected=p) for difference, p in zip(differences, corrected, strict=True)]


def _find_solved_by_one(runs: Sequence[Run], benchmark: str) -> dict[str, tuple[str, ...]]:
    runs = [run for run in runs if run.list_tasks(benchmark)]
    shared = set.intersection(*(set(run.list_tasks(benchmark)) for run in runs))
    solved = {
        run.name: {task for task, (_, passed) in run.count_samples(benchmark).items() if passed and task in shared}
        for run in runs
    }
    return {
        run.name: tuple(
            task
            for task in run.list_tasks(benchmark)
            if task in solved[run.name] and not any(task in tasks for name, tasks in solved.items() if name != run.name)
        )
        for run in runs
    }
