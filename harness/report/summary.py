"""A run read back from its folder and added up; nothing but the files is needed, no benchmark data."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..config import ks_for
from ..errors import StoreError
from ..metrics.extraction_effect import RuleScore, rules_of
from ..metrics.pass_at_k import pass_at_k
from ..metrics.time_limits import fragile_of, timeouts_of
from ..store import MANIFEST, read_manifest, read_samples, read_verdicts
from ..store.records import Key
from ..types import Sample, Score, Status, Verdict
from .oddities import TOLD, TRUNCATED, oddities

if TYPE_CHECKING:
    from ..tasks.suite import Suite


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """pass@1 of one group of a benchmark's problems, such as those of one library."""

    by: str
    group: str
    score: Score


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Summary:
    """Scores and the facts to read them by."""

    path: Path
    manifest: Mapping[str, Any]
    scores: tuple[Score, ...]
    slices: tuple[Slice, ...]
    statuses: Mapping[str, Mapping[str, int]]
    """Benchmark -> status -> how many samples."""
    infrastructure: tuple[Verdict, ...]
    """Samples that the judge itself failed on; they count neither way."""
    unjudged: int
    """Samples without any verdict: the run was stopped."""
    missing: int
    """Samples that were asked for and not generated: the run was stopped."""
    oddities: Mapping[str, Mapping[str, int]]
    """Benchmark -> what is odd about answers -> how many samples; `report.oddities` has the kinds."""
    trust: Mapping[str, int]
    """Where verdicts were computed -> how many."""
    uncarried: tuple[Verdict, ...]
    """Samples that pass in-process and fail for a value that could not be carried to the judge."""
    rules: tuple[RuleScore, ...] = ()
    """The scores under each extraction rule, where they were measured."""
    suites: tuple[Suite, ...] = ()
    """The benchmarks that were read for the run; empty where only its folder was."""

    def __repr__(self) -> str:
        """Short: a notebook shows it for every call."""
        told = ", ".join(f"{score.benchmark} {score.metric} {score.value:.3f}" for score in self.scores)
        return f"<run {self.path}: {told or 'no score'}>"

    @property
    def stages_s(self) -> Mapping[str, float]:
        """Seconds per stage, added up over the starts of the run."""
        total: Counter[str] = Counter()
        for session in self.manifest.get("sessions", []):
            total.update(session["stages_s"])
        return total

    @property
    def timeouts(self) -> Mapping[str, tuple[int, int]]:
        """Benchmark -> samples that timed out, and how many of them were retried."""
        return timeouts_of(self.manifest)

    @property
    def time_fragile(self) -> Mapping[str, list[str]]:
        """Benchmark -> problems of which a sample that timed out passes with four times the time."""
        return fragile_of(self.manifest)

    @property
    def truncated(self) -> int:
        """Samples that ended at the token limit."""
        return sum(found[TRUNCATED] for found in self.oddities.values())

    @property
    def cached(self) -> int:
        """Verdicts that were known from equal programs, over all starts."""
        return sum(session.get("cached", 0) for session in self.manifest.get("sessions", []))

    @property
    def tokens_per_s(self) -> float | None:
        """Completion tokens per second of generating, over all starts."""
        tokens = sum(session["completion_tokens"] for session in self.manifest.get("sessions", []))
        seconds = self.stages_s.get("generate", 0.0)
        return tokens / seconds if tokens and seconds else None


def read(path: Path) -> Summary:
    """The run in the folder `path`.

    Raises:
        StoreError: it is not a run folder, or a file is damaged.
    """
    return summarise(path, read_manifest(path), read_samples(path), read_verdicts(path))


def summarise(
    path: Path, manifest: Mapping[str, Any], samples: Mapping[Key, Sample], verdicts: Mapping[Key, Verdict]
) -> Summary:
    """Return what was read from the folder `path`, added up.

    Raises:
        StoreError: the manifest names no tasks.
    """
    tasks: Mapping[str, list[str]] | None = manifest.get("tasks")
    if tasks is None:
        raise StoreError(f"{path / MANIFEST} names no tasks: the run was stopped before it began; start it again")
    totals = _Totals(manifest)
    for key, verdict in verdicts.items():
        # A sample exchanged after it was judged lost its verdict; one without a sample cannot be.
        if key in samples:
            totals.add(samples[key], verdict)
    asked = manifest["config"]["k"]
    scores: list[Score] = []
    missing = 0
    for benchmark, task_ids in tasks.items():
        drawn = Counter(task_id for name, task_id, _ in samples if name == benchmark)
        missing += sum(max(0, manifest["config"].get("n", 1) - drawn[task_id]) for task_id in task_ids)
        ks = ks_for(asked, min(drawn[task_id] for task_id in task_ids))
        scores += _scores(benchmark, task_ids, totals.counted[benchmark], ks)
    return Summary(
        path=path,
        manifest=manifest,
        scores=tuple(scores),
        slices=tuple(_slices(manifest, totals.counted)),
        statuses={benchmark: _in_order(totals.statuses[benchmark]) for benchmark in tasks},
        infrastructure=tuple(totals.infrastructure),
        unjudged=len(samples) - totals.trust.total(),
        missing=missing,
        oddities={benchmark: {kind: totals.odd[benchmark][kind] for kind in TOLD} for benchmark in tasks},
        trust=totals.trust,
        uncarried=tuple(totals.uncarried),
        rules=tuple(rules_of(manifest, len(samples))),
    )


Outcome = tuple[str, Status, Status | None]
"""Task id, status, the base part's status."""


class _Totals:
    """Totals over judged samples, taken one at a time: a run may have more of them than memory holds."""

    def __init__(self, manifest: Mapping[str, Any]) -> None:
        self._entry_points: Mapping[str, Mapping[str, str]] = manifest.get("entry_points", {})
        self.counted: defaultdict[str, Counter[Outcome]] = defaultdict(Counter)
        """Benchmark -> outcome -> how many samples; without those that the judge itself failed on."""
        self.statuses: defaultdict[str, Counter[Status]] = defaultdict(Counter)
        self.odd: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self.trust: Counter[str] = Counter()
        self.infrastructure: list[Verdict] = []
        self.uncarried: list[Verdict] = []

    def add(self, sample: Sample, verdict: Verdict) -> None:
        """One more."""
        name, task_id = verdict.benchmark, verdict.task_id
        self.statuses[name][verdict.status] += 1
        self.trust[verdict.trust.value] += 1
        self.odd[name].update(oddities(sample, verdict.status, self._entry_points.get(name, {}).get(task_id)))
        if verdict.uncarried:
            self.uncarried.append(verdict)
        if verdict.status is Status.INFRASTRUCTURE:
            self.infrastructure.append(verdict)
        else:
            self.counted[name][task_id, verdict.status, verdict.base_status] += 1


def _scores(benchmark: str, task_ids: list[str], outcomes: Counter[Outcome], ks: Iterable[int]) -> list[Score]:
    """pass@k, and where verdicts have a base part, the base's own."""
    counts = counts_of(task_ids, ((task_id, status) for task_id, status, _ in outcomes.elements()))
    scores = [pass_at_k(counts, k, benchmark=benchmark) for k in ks]
    if any(base is not None for _, _, base in outcomes):
        base_counts = counts_of(task_ids, ((task_id, base) for task_id, _, base in outcomes.elements() if base))
        based = [pass_at_k(base_counts, k, benchmark=benchmark) for k in ks]
        scores = [replace(score, metric=f"base {score.metric}") for score in based] + scores
    return scores


def counts_of(task_ids: Iterable[str], outcomes: Iterable[tuple[str, Status]]) -> dict[str, tuple[int, int]]:
    """Task id -> (samples, passed)."""
    samples: Counter[str] = Counter()
    passed: Counter[str] = Counter()
    for task_id, status in outcomes:
        samples[task_id] += 1
        passed[task_id] += status is Status.PASSED
    return {task_id: (samples[task_id], passed[task_id]) for task_id in task_ids}


def _slices(manifest: Mapping[str, Any], outcomes: Mapping[str, Counter[Outcome]]) -> Iterator[Slice]:
    for benchmark, found in manifest.get("slices", {}).items():
        counts = counts_of(
            manifest["tasks"][benchmark],
            ((task_id, status) for task_id, status, _ in outcomes[benchmark].elements()),
        )
        for by, groups in found.items():
            for group, task_ids in sorted(groups.items()):
                own = {task_id: counts[task_id] for task_id in task_ids}
                yield Slice(by=by, group=group, score=pass_at_k(own, 1, benchmark=benchmark))


def _in_order(found: Counter[Status]) -> dict[str, int]:
    return {status.value: found[status] for status in Status if found[status]}
