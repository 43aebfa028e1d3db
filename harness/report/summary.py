"""Read a run from its folder and summarize it; no benchmark data is needed."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..config import select_ks
from ..errors import StoreError
from ..metrics.cost import Cost, measure_cost
from ..metrics.extraction_effect import RuleScore, read_rule_scores
from ..metrics.pass_at_k import compute_pass_at_k
from ..metrics.time_limits import read_fragile, read_timeouts
from ..metrics.tokens import TokenCounter, TokenMeans
from ..store import MANIFEST, read_first_answers, read_manifest, read_samples, read_verdicts
from ..store.records import SampleKey
from ..types import Sample, Score, Status, Verdict
from .oddities import DESCRIPTIONS, TRUNCATED, UNANSWERED, find_oddities

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
    """Scores of a run and the facts that put them in context."""

    path: Path
    manifest: Mapping[str, Any]
    scores: tuple[Score, ...]
    slices: tuple[Slice, ...]
    statuses: Mapping[str, Mapping[str, int]]
    """Benchmark -> status -> how many samples."""
    infrastructure: tuple[Verdict, ...]
    """Samples that the judge itself failed on; they count neither as passed nor as failed."""
    unjudged: int
    """Samples without any verdict: the run was stopped."""
    missing: int
    """Samples that were requested and not generated: the run was stopped."""
    oddities: Mapping[str, Mapping[str, int]]
    """Benchmark -> what is odd about answers -> how many samples; `report.oddities` lists the kinds."""
    trust: Mapping[str, int]
    """Where verdicts were computed -> how many."""
    uncarried: tuple[Verdict, ...]
    """Samples that pass in-process and fail because a value could not be sent to the judge."""
    tokens: Mapping[str, TokenMeans]
    """Benchmark -> mean tokens of its judged samples, if they are known."""
    shared: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """Benchmark -> another one whose answers it shares -> how many samples."""
    rules: tuple[RuleScore, ...] = ()
    """The scores under each extraction rule, if they were measured."""
    cost: Cost | None = None
    """What the run has cost; None if no price was given."""
    suites: tuple[Suite, ...] = ()
    """The benchmarks that were loaded for the run; empty if only its folder was read."""

    def __repr__(self) -> str:
        """Return a short text, because a notebook shows it for every call."""
        scores = ", ".join(f"{score.benchmark} {score.metric} {score.value:.3f}" for score in self.scores)
        return f"<run {self.path}: {scores or 'no score'}>"

    @property
    def partial(self) -> Mapping[str, tuple[int, int]]:
        """Benchmark -> problems of the run and of the benchmark, where the run has fewer."""
        known = self.manifest["identity"]["benchmarks"]
        counts = {name: (len(task_ids), known[name]["problems"]) for name, task_ids in self.manifest["tasks"].items()}
        return {name: (own, every) for name, (own, every) in counts.items() if own < every}

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
        return read_timeouts(self.manifest)

    @property
    def time_fragile(self) -> Mapping[str, list[str]]:
        """Benchmark -> problems with a timed-out sample that passes with four times the time."""
        return read_fragile(self.manifest)

    @property
    def truncated(self) -> int:
        """Samples that ended at the token limit."""
        return sum(found[TRUNCATED] for found in self.oddities.values())

    @property
    def unanswered(self) -> int:
        """Samples that ended within their reasoning."""
        return sum(found[UNANSWERED] for found in self.oddities.values())

    @property
    def reasons(self) -> bool:
        """Tell whether the model reasons, as far as tokens show it."""
        return any(means.reasoning for means in self.tokens.values())

    @property
    def cached(self) -> int:
        """Verdicts taken from equal programs, over all starts."""
        return sum(session.get("cached", 0) for session in self.manifest.get("sessions", []))

    @property
    def tokens_per_s(self) -> float | None:
        """Completion tokens per second of generation, over all starts."""
        tokens = sum(session["completion_tokens"] for session in self.manifest.get("sessions", []))
        seconds = self.stages_s.get("generate", 0.0)
        return tokens / seconds if tokens and seconds else None


def read(path: Path) -> Summary:
    """Read and summarize the run in the folder `path`.

    Raises:
        StoreError: it is not a run folder, or a file is damaged.
    """
    return summarize_run(path, read_manifest(path), read_samples(path), read_verdicts(path))


def summarize_run(
    path: Path, manifest: Mapping[str, Any], samples: Mapping[SampleKey, Sample], verdicts: Mapping[SampleKey, Verdict]
) -> Summary:
    """Summarize the samples and verdicts read from the folder `path`.

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
        ks = select_ks(asked, min(drawn[task_id] for task_id in task_ids))
        scores += compute_scores(benchmark, task_ids, totals.counted[benchmark], ks)
    return Summary(
        path=path,
        manifest=manifest,
        scores=tuple(scores),
        slices=tuple(_compute_slices(manifest, totals.counted)),
        statuses={benchmark: _order_statuses(totals.statuses[benchmark]) for benchmark in tasks},
        infrastructure=tuple(totals.infrastructure),
        unjudged=len(samples) - totals.trust.total(),
        missing=missing,
        oddities={benchmark: {kind: totals.odd[benchmark][kind] for kind in DESCRIPTIONS} for benchmark in tasks},
        trust=totals.trust,
        uncarried=tuple(totals.uncarried),
        tokens={name: means for name in tasks if (means := totals.tokens[name].compute_means())},
        shared={benchmark: dict(found) for benchmark, found in totals.shared.items()},
        rules=tuple(read_rule_scores(manifest, len(samples))),
        cost=measure_cost(manifest, chain(read_first_answers(path).values(), samples.values())),
    )


TaskOutcome = tuple[str, Status, Status | None]
"""Task id, status, the base part's status."""


class _Totals:
    """Totals over judged samples, added one at a time, because a run may not fit in memory."""

    def __init__(self, manifest: Mapping[str, Any]) -> None:
        self._entry_points: Mapping[str, Mapping[str, str]] = manifest.get("entry_points", {})
        self.counted: defaultdict[str, Counter[TaskOutcome]] = defaultdict(Counter)
        """Benchmark -> outcome -> how many samples; without those that the judge itself failed on."""
        self.statuses: defaultdict[str, Counter[Status]] = defaultdict(Counter)
        self.odd: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self.tokens: defaultdict[str, TokenCounter] = defaultdict(TokenCounter)
        self.trust: Counter[str] = Counter()
        self.shared: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self.infrastructure: list[Verdict] = []
        self.uncarried: list[Verdict] = []

    def add(self, sample: Sample, verdict: Verdict) -> None:
        """Add one sample."""
        name, task_id = verdict.benchmark, verdict.task_id
        self.statuses[name][verdict.status] += 1
        self.trust[verdict.trust.value] += 1
        self.tokens[name].add(sample.completion)
        self.odd[name].update(find_oddities(sample, verdict.status, self._entry_points.get(name, {}).get(task_id)))
        if sample.shared_with:
            self.shared[name][sample.shared_with.partition(":")[0]] += 1
        if verdict.uncarried:
            self.uncarried.append(verdict)
        if verdict.status is Status.INFRASTRUCTURE:
            self.infrastructure.append(verdict)
        else:
            self.counted[name][task_id, verdict.status, verdict.base_status] += 1


def compute_scores(
    benchmark: str, task_ids: list[str], outcomes: Counter[TaskOutcome], ks: Iterable[int]
) -> list[Score]:
    """Compute pass@k for each of `ks`, after those of the base part if verdicts have one.

    `outcomes` counts samples by outcome, without those that the judge failed on.
    """
    counts = count_outcomes(task_ids, ((task_id, status) for task_id, status, _ in outcomes.elements()))
    scores = [compute_pass_at_k(counts, k, benchmark=benchmark) for k in ks]
    if any(base is not None for _, _, base in outcomes):
        base_counts = count_outcomes(task_ids, ((task_id, base) for task_id, _, base in outcomes.elements() if base))
        based = [compute_pass_at_k(base_counts, k, benchmark=benchmark) for k in ks]
        scores = [replace(score, metric=f"base {score.metric}") for score in based] + scores
    return scores


def count_outcomes(task_ids: Iterable[str], outcomes: Iterable[tuple[str, Status]]) -> dict[str, tuple[int, int]]:
    """Return task id -> (samples, passed)."""
    samples: Counter[str] = Counter()
    passed: Counter[str] = Counter()
    for task_id, status in outcomes:
        samples[task_id] += 1
        passed[task_id] += status is Status.PASSED
    return {task_id: (samples[task_id], passed[task_id]) for task_id in task_ids}


def _compute_slices(manifest: Mapping[str, Any], outcomes: Mapping[str, Counter[TaskOutcome]]) -> Iterator[Slice]:
    for benchmark, found in manifest.get("slices", {}).items():
        counts = count_outcomes(
            manifest["tasks"][benchmark],
            ((task_id, status) for task_id, status, _ in outcomes[benchmark].elements()),
        )
        for by, groups in found.items():
            for group, task_ids in sorted(groups.items()):
                own = {task_id: counts[task_id] for task_id in task_ids}
                yield Slice(by=by, group=group, score=compute_pass_at_k(own, 1, benchmark=benchmark))


def _order_statuses(found: Counter[Status]) -> dict[str, int]:
    return {status.value: found[status] for status in Status if found[status]}
