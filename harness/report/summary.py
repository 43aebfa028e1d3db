"""A run read back from its folder and added up; nothing but the files is needed, no benchmark data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..config import ks_for
from ..errors import StoreError
from ..fragile import fragile_of
from ..metrics import pass_at_k
from ..records import Key
from ..rules import RuleScore, rules_of
from ..store import MANIFEST, read_manifest, read_samples, read_verdicts
from ..types import Sample, Score, Status, Verdict
from .oddities import TRUNCATED, oddities


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
    """What was read from the folder `path`, added up.

    Raises:
        StoreError: the manifest names no tasks.
    """
    # A sample exchanged after it was judged lost its verdict; one without a sample cannot be.
    judged = [verdict for key, verdict in verdicts.items() if key in samples]
    tasks: Mapping[str, list[str]] | None = manifest.get("tasks")
    if tasks is None:
        raise StoreError(f"{path / MANIFEST} names no tasks: the run was stopped before it began; start it again")
    asked = manifest["config"]["k"]
    scores: list[Score] = []
    missing = 0
    for benchmark, task_ids in tasks.items():
        own = [verdict for verdict in judged if verdict.benchmark == benchmark]
        drawn = Counter(task_id for name, task_id, _ in samples if name == benchmark)
        missing += sum(max(0, manifest["config"].get("n", 1) - drawn[task_id]) for task_id in task_ids)
        ks = ks_for(asked, min(drawn[task_id] for task_id in task_ids))
        scores += _scores(benchmark, task_ids, own, ks)
    return Summary(
        path=path,
        manifest=manifest,
        scores=tuple(scores),
        slices=tuple(_slices(manifest, judged)),
        statuses={benchmark: _statuses(judged, benchmark) for benchmark in tasks},
        infrastructure=tuple(verdict for verdict in judged if verdict.status is Status.INFRASTRUCTURE),
        unjudged=len(samples) - len(judged),
        missing=missing,
        oddities=oddities(manifest, samples, judged),
        trust=Counter(verdict.trust.value for verdict in judged),
        uncarried=tuple(verdict for verdict in judged if verdict.uncarried),
        rules=tuple(rules_of(manifest, len(samples))),
    )


def _scores(benchmark: str, task_ids: list[str], verdicts: list[Verdict], ks: Iterable[int]) -> list[Score]:
    """pass@k, and where verdicts have a base part, the base's own."""
    counted = [verdict for verdict in verdicts if verdict.status is not Status.INFRASTRUCTURE]
    counts = counts_of(task_ids, [(verdict.task_id, verdict.status) for verdict in counted])
    scores = [pass_at_k(counts, k, benchmark=benchmark) for k in ks]
    base = [(verdict.task_id, verdict.base_status) for verdict in counted if verdict.base_status is not None]
    if base:
        based = [pass_at_k(counts_of(task_ids, base), k, benchmark=benchmark) for k in ks]
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


def _slices(manifest: Mapping[str, Any], judged: Iterable[Verdict]) -> Iterator[Slice]:
    verdicts = [verdict for verdict in judged if verdict.status is not Status.INFRASTRUCTURE]
    for benchmark, found in manifest.get("slices", {}).items():
        outcomes = [(verdict.task_id, verdict.status) for verdict in verdicts if verdict.benchmark == benchmark]
        for by, groups in found.items():
            for group, task_ids in sorted(groups.items()):
                own = set(task_ids)
                counts = counts_of(task_ids, [outcome for outcome in outcomes if outcome[0] in own])
                yield Slice(by=by, group=group, score=pass_at_k(counts, 1, benchmark=benchmark))


def _statuses(verdicts: Iterable[Verdict], benchmark: str) -> dict[str, int]:
    found = Counter(verdict.status for verdict in verdicts if verdict.benchmark == benchmark)
    return {status.value: found[status] for status in Status if found[status]}
