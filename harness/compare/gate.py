"""Check a candidate for regressions against its baseline: thresholds in, findings and an exit code out.

A benchmark has regressed if pass@1 fell by more than `max_drop` and `noise_floor` (points) and the drop is
significant at `level` after Holm's correction over all benchmarks; `level = 1` needs no significance. A task of
`must_pass` has regressed if no sample of the candidate passes, whatever the baseline did.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..config import make_locator, read_toml
from ..config.checking import Points, Share, Where, build_config, check_fields
from ..errors import INFRASTRUCTURE, StoreError, UsageError
from ..metrics.pass_at_k import LEVEL
from .comparison import TESTED_K, Comparison, Difference, compare
from .power import compute_smallest_drop, compute_smallest_sampled_drop
from .runs import BASE, Run

REGRESSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class GateThresholds:
    """Largest losses that a benchmark may have, in percentage points."""

    max_drop: Points = 0.0
    noise_floor: Points = 0.0
    """Difference between two runs of the same checkpoint on this machine."""
    level: Share = 0.05
    """Level of significance; 1 needs none."""
    must_pass: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_fields(self)

    @property
    def power_level(self) -> float:
        """Return the level of significance that power is computed for."""
        return self.level if self.level < 1 else 1 - LEVEL

    @property
    def accepted(self) -> float:
        """Return the largest drop that passes, in points."""
        return max(self.max_drop, self.noise_floor)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """Thresholds for every benchmark, and others for some."""

    default: GateThresholds = field(default_factory=GateThresholds)
    benchmarks: Mapping[str, GateThresholds] = field(default_factory=dict)

    def select_thresholds(self, benchmark: str) -> GateThresholds:
        """Return the thresholds of `benchmark`."""
        return self.benchmarks.get(benchmark, self.default)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One metric of one benchmark."""

    difference: Difference
    thresholds: GateThresholds
    regressed: bool
    smallest_drop: float | None
    """The smallest drop (fraction of 1) that this comparison would detect 8 times of 10."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MustPass:
    """A task that has to pass."""

    benchmark: str
    task_id: str
    passed: bool
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """Result of `harness gate`."""

    comparison: Comparison
    findings: tuple[Finding, ...]
    must_pass: tuple[MustPass, ...]

    @property
    def regressed(self) -> bool:
        """Return whether the candidate has regressed."""
        return any(finding.regressed for finding in self.findings) or any(not task.passed for task in self.must_pass)

    @property
    def unjudged(self) -> int:
        """Count the samples that a judge itself failed on, in both runs."""
        return sum(len(run.summary.infrastructure) for run in self.comparison.runs)

    @property
    def exit_code(self) -> int:
        """Return 0 for no regression, 1 for a regression, and 3 if the judge failed on samples."""
        if self.unjudged:
            return INFRASTRUCTURE
        return REGRESSION if self.regressed else 0


def check_regression(baseline: Path, candidate: Path, rules: Rules, *, allow_mixed: bool = False) -> Gate:
    """Compare `candidate` with `baseline` and hold it to `rules`.

    Raises:
        StoreError: a run is damaged or unfinished, or the two are not comparable.
        UsageError: the rules name a benchmark or a task that the candidate does not have.
    """
    comparison = compare([baseline, candidate], allow_mixed=allow_mixed)
    first, second = comparison.runs
    missing = set(first.summary.manifest["tasks"]) - set(second.summary.manifest["tasks"])
    if missing:
        raise StoreError(f"{candidate} lacks {', '.join(sorted(missing))}, which {baseline} has; run it there as well")
    _check_names(rules, second)
    tested = [difference for difference in comparison.differences if difference.candidate.k == TESTED_K]
    return Gate(
        comparison=comparison,
        findings=tuple(_judge_difference(difference, rules, comparison) for difference in tested),
        must_pass=tuple(
            _check_must_pass(second, benchmark, task_id)
            for benchmark in second.summary.manifest["tasks"]
            for task_id in rules.select_thresholds(benchmark).must_pass
            if task_id in second.list_tasks(benchmark)
        ),
    )


def read_rules(path: Path | None, default: Mapping[str, Any]) -> Rules:
    """Read rules from a TOML file (`[benchmarks.NAME]` tables of `GateThresholds`); `default` overrides its top level.

    Raises:
        UsageError: it cannot be read, or a key or a value does not fit.
    """
    return parse_rules(read_toml(path) if path else {}, default, make_locator(path, default))


def parse_rules(values: Mapping[str, Any], default: Mapping[str, Any], where: Where = lambda _: "") -> Rules:
    """Build rules from the values of a file, as `read_rules` does.

    Raises:
        UsageError: a key or a value does not fit.
    """
    general = {**{key: value for key, value in values.items() if key != "benchmarks"}, **default}
    tables = values.get("benchmarks", {})
    if not isinstance(tables, dict) or not all(isinstance(table, dict) for table in tables.values()):
        raise UsageError(f"{where('benchmarks')}benchmarks must be tables such as [benchmarks.humaneval]")
    return Rules(
        default=_build_thresholds(general, where),
        benchmarks={name: _build_thresholds({**general, **table}, where) for name, table in tables.items()},
    )


def _build_thresholds(values: Mapping[str, Any], where: Where) -> GateThresholds:
    plain = {key: float(value) if type(value) is int else value for key, value in values.items()}
    return build_config(GateThresholds, plain, where)


def _check_names(rules: Rules, candidate: Run) -> None:
    tasks = candidate.summary.manifest["tasks"]
    for benchmark, thresholds in rules.benchmarks.items():
        if benchmark not in tasks:
            raise UsageError(f'the rules name benchmark "{benchmark}"; the runs have {", ".join(tasks)}')
        _check_task_ids(thresholds.must_pass, {*tasks[benchmark]} | {*rules.default.must_pass}, benchmark)
    _check_task_ids(rules.default.must_pass, {task_id for ids in tasks.values() for task_id in ids}, ", ".join(tasks))


def _check_task_ids(must_pass: Sequence[str], tasks: set[str], where: str) -> None:
    for task_id in must_pass:
        if task_id not in tasks:
            raise UsageError(f'must_pass: task_id "{task_id}" is not in {where} as it was run')


def _judge_difference(difference: Difference, rules: Rules, comparison: Comparison) -> Finding:
    thresholds = rules.select_thresholds(difference.benchmark)
    drop = -100 * difference.value
    # p is NaN if every problem changed by the same amount, which leaves no room for chance.
    significant = thresholds.level >= 1 or not difference.p_corrected > thresholds.level
    return Finding(
        difference=difference,
        thresholds=thresholds,
        regressed=drop > thresholds.accepted + 1e-9 and significant,
        smallest_drop=find_smallest_drop(difference, thresholds.power_level, comparison),
    )


def find_smallest_drop(difference: Difference, level: float, comparison: Comparison) -> float | None:
    """Return the smallest drop (fraction of 1) that the comparison would detect 8 times of 10; None if unknown."""
    n = difference.baseline.n_problems
    if difference.baseline.n_samples == n and difference.candidate.n_samples == n:
        return compute_smallest_drop(lost=len(difference.lost), gained=len(difference.gained), n=n, level=level)
    part = BASE if difference.metric.startswith(BASE) else ""
    other = next(run for run in comparison.runs[1:] if run.name == difference.run)
    first, second = (run.count_samples(difference.benchmark, part) for run in (comparison.runs[0], other))
    shared = [task for task in first if first[task][0] and second.get(task, (0, 0))[0]]
    changes = [second[task][1] / second[task][0] - first[task][1] / first[task][0] for task in shared]
    return compute_smallest_sampled_drop(changes, level=level)


def _check_must_pass(run: Run, benchmark: str, task_id: str) -> MustPass:
    _, passed = run.count_samples(benchmark)[task_id]
    verdicts = [v for v in run.verdicts.values() if v.benchmark == benchmark and v.task_id == task_id]
    detail = f"{verdicts[0].status.value}: {verdicts[0].detail}" if verdicts else "not judged"
    return MustPass(benchmark=benchmark, task_id=task_id, passed=bool(passed), detail="" if passed else detail)
