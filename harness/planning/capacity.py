"""`harness plan`: predict what a run too large for this machine will take from what smaller ones took.

All is scaled from measured figures: those of named run folders, else those of `figures.toml` beside this file, each
with its source. Tokens of prompts grow with the prompts' characters, all else with the samples. Figures hold for the
measured accelerator only, and a batch that the measured run did not fill is faster. A program that runs into its time
limit takes as long as hundreds of others. Long programs are therefore counted separately, and scoring hours have the
interval of that count.
"""

from __future__ import annotations

import tomllib
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from pathlib import Path
from statistics import fmean
from typing import Any

from ..errors import UsageError
from ..metrics.cost import Price, bills_requests, compute_amount
from ..metrics.pass_at_k import Interval, compute_wilson
from ..store import SAMPLES, VERDICTS, read_manifest, read_samples, read_verdicts
from ..tasks.suite import Suite, load_suite
from ..types import Limits, Sample, Status, Verdict

TABLE = "figures.toml"
LONG_S = 1.0
"""CPU seconds from which a program counts as long. Verdicts cannot tell: some programs swallow their time-out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scoring:
    """Measured cost of judging a model's programs on one benchmark."""

    problems: int
    """Number of problems whose programs were judged."""
    long_share: float
    """Fraction of programs of a second and more, mostly time-outs; the mean over the problems."""
    long_s: float
    """Core seconds of such a program."""
    program_s: float
    """Core seconds of any other program, with its judge."""

    def compute_mean_s(self, long_share: float) -> float:
        """Compute the mean core seconds of a program from the share of long ones."""
        return long_share * self.long_s + (1 - long_share) * self.program_s

    def compute_interval_s(self) -> Interval:
        """Compute the interval of the mean that follows from the number of long programs.

        Samples of one problem count as one program, because they are long together.
        """
        low, high = compute_wilson(self.long_share * self.problems, self.problems)
        return self.compute_mean_s(low), self.compute_mean_s(high)


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Measurements of one model on one benchmark."""

    model: str
    benchmark: str
    prompt_tokens_per_character: float
    """Per character of the problem's own prompt, with what the recipe adds."""
    completion_tokens: float
    """Mean per sample."""
    tokens_per_s: float
    """Throughput of one replica."""
    gpus: int
    """GPUs of that replica; 0: it ran on CPUs."""
    scoring: Scoring
    sample_bytes: float
    """Bytes on disk of a sample and its verdict."""
    source: str
    per_request: bool = False
    """Whether a server bills the prompt of every sample; otherwise it is computed once per problem."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchmarkForecast:
    """Forecast for one benchmark."""

    benchmark: str
    samples: int
    prompt_tokens: float
    completion_tokens: float
    engine_hours: float
    """Hours of all replicas together."""
    gpu_hours: float
    scoring_cpu_hours: float
    scoring_cpu_hours_interval: Interval
    """95 % interval from the number of long programs."""
    long_share: float
    """Fraction of measured programs of a second and more."""
    disk_bytes: float
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CapacityForecast:
    """Forecast for all benchmarks together, on the given GPUs and cores."""

    parts: tuple[BenchmarkForecast, ...]
    replicas: int
    generating_hours: float
    scoring_hours: float | None
    """None if the number of cores is not given."""
    cost: float | None = None
    """None if no price is given."""


def forecast_capacity(
    model: str,
    benchmarks: Sequence[str],
    *,
    n: int,
    gpus: int,
    cores: int | None = None,
    price: Price | None = None,
    runs: Sequence[Path] = (),
) -> CapacityForecast:
    """Predict `n` samples of each problem on `gpus` in total; 0 means one replica on a CPU machine.

    `price` is in currency units per million prompt tokens and per million completion tokens.

    Raises:
        UsageError: there are no measured figures for the model on a benchmark, or too few GPUs for a replica.
        HarnessError: as `harness.tasks.suite.load_suite` and `harness.store`.
    """
    measured = [figures for run in runs for figures in read_figures(run)]
    parts, replicas = [], 0
    for name in benchmarks:
        own = _find_figures(model, name, measured)
        parts.append(_scale_figures(own, load_suite(name), n))
        fitting = gpus // own.gpus if own.gpus else 1
        if not fitting:
            raise UsageError(f"--gpus is {gpus}, and the replica that was measured had {own.gpus} ({own.source})")
        replicas = min(replicas, fitting) if replicas else fitting
    scoring = sum(part.scoring_cpu_hours for part in parts)
    return CapacityForecast(
        parts=tuple(parts),
        replicas=replicas,
        generating_hours=sum(part.engine_hours for part in parts) / replicas,
        scoring_hours=scoring / cores if cores else None,
        cost=price and sum(compute_amount(price, part.prompt_tokens, part.completion_tokens) for part in parts),
    )


def read_figures(run: Path) -> list[Figures]:
    """Read the figures of the run folder `run`, one for each benchmark.

    Raises:
        StoreError: it is not a run folder.
        UsageError: it has no finished samples.
    """
    manifest, samples, verdicts = read_manifest(run), read_samples(run), read_verdicts(run)
    if not samples or not verdicts:
        raise UsageError(f"{run} has no samples with verdicts to take figures from")
    sample_bytes = sum((run / name).stat().st_size for name in (SAMPLES, VERDICTS)) / len(samples)
    generating = [session for session in manifest.get("sessions", []) if session["stages_s"].get("generate")]
    seconds = sum(session["stages_s"]["generate"] for session in generating)
    tokens = sum(session["completion_tokens"] for session in generating)
    facts = manifest.get("model", {})
    replicas = facts.get("replicas", 1)
    rest_s = _compute_rest_s(manifest, verdicts.values())
    on_gpus = bool(facts.get("device") == "cuda" or manifest.get("hardware", {}).get("gpus"))
    parallel = facts.get("tensor_parallel_size", 1) * facts.get("pipeline_parallel_size", 1)
    result = []
    for name in manifest["identity"]["benchmarks"]:
        own = [sample for sample in samples.values() if sample.benchmark == name]
        judged = [verdict for verdict in verdicts.values() if verdict.benchmark == name]
        if not own or not judged:
            continue
        result.append(
            Figures(
                model=manifest["identity"].get("model", ""),
                benchmark=name,
                prompt_tokens_per_character=_compute_prompt_tokens_per_character(own, load_suite(name)),
                completion_tokens=sum(sample.completion.completion_tokens or 0 for sample in own) / len(own),
                tokens_per_s=tokens / seconds / replicas if seconds else 0.0,
                gpus=parallel if on_gpus else 0,
                scoring=_compute_scoring(judged, rest_s),
                sample_bytes=sample_bytes,
                source=f"measured in {run}",
                per_request=bills_requests(facts),
            )
        )
    return result


def _compute_scoring(verdicts: Sequence[Verdict], rest_s: float) -> Scoring:
    """Compute what the programs of one benchmark took; `rest_s` is what each takes besides its own CPU time."""
    long: list[float] = []
    short: list[float] = []
    by_problem: defaultdict[str, list[bool]] = defaultdict(list)
    for verdict in verdicts:
        is_long = verdict.cpu_time_s >= LONG_S
        (long if is_long else short).append(verdict.cpu_time_s)
        by_problem[verdict.task_id].append(is_long)
    return Scoring(
        problems=len(by_problem),
        long_share=fmean(fmean(flags) for flags in by_problem.values()),
        long_s=(fmean(long) if long else Limits().cpu_time_s) + rest_s,
        program_s=(fmean(short) if short else 0.0) + rest_s,
    )


def _compute_rest_s(manifest: Mapping[str, Any], verdicts: Collection[Verdict]) -> float:
    """Return the core seconds of a program's judge and start, from sessions that only scored, else from the table."""
    sessions = [session for session in manifest.get("sessions", []) if session["judged"] and not session["generated"]]
    if sum(session["judged"] - session.get("cached", 0) for session in sessions) == len(verdicts):
        workers = max(facts.get("workers", 1) for facts in manifest["sandbox"].values())
        in_all = sum(session["stages_s"]["score"] for session in sessions) * workers
        # A program that sleeps until its timeout occupies its worker without a core.
        own = sum(v.wall_time_s if v.status is Status.TIMEOUT else v.cpu_time_s for v in verdicts)
        return float(max(0.0, in_all - own) / len(verdicts))
    rest: Mapping[str, Mapping[str, float]] = _read_table()["program_rest_s"]
    return fmean(rest[v.trust.value]["passed" if v.status is Status.PASSED else "failed"] for v in verdicts)


def _compute_prompt_tokens_per_character(samples: Sequence[Sample], suite: Suite) -> float:
    known = [sample for sample in samples if sample.completion.prompt_tokens]
    characters = sum(len(suite.problems[sample.task_id].prompt) for sample in known)
    return sum(sample.completion.prompt_tokens or 0 for sample in known) / characters if characters else 0.0


def _scale_figures(figures: Figures, suite: Suite, n: int) -> BenchmarkForecast:
    samples = len(suite.problems) * n
    completion_tokens = samples * figures.completion_tokens
    hours = completion_tokens / figures.tokens_per_s / 3600 if figures.tokens_per_s else 0.0
    characters = sum(len(problem.prompt) for problem in suite.problems.values())
    low_s, high_s = figures.scoring.compute_interval_s()
    return BenchmarkForecast(
        benchmark=suite.name,
        samples=samples,
        # A prompt is computed once for all of its samples, but a server bills it with each.
        prompt_tokens=characters * figures.prompt_tokens_per_character * (n if figures.per_request else 1),
        completion_tokens=completion_tokens,
        engine_hours=hours,
        gpu_hours=hours * figures.gpus,
        scoring_cpu_hours=samples * figures.scoring.compute_mean_s(figures.scoring.long_share) / 3600,
        long_share=figures.scoring.long_share,
        scoring_cpu_hours_interval=(samples * low_s / 3600, samples * high_s / 3600),
        disk_bytes=samples * figures.sample_bytes,
        source=figures.source,
    )


def _find_figures(model: str, benchmark: str, measured: Sequence[Figures]) -> Figures:
    """Return the figures of a named run, preferably of the model itself, else those of the table."""
    own = [figures for figures in measured if figures.benchmark == benchmark]
    for figures in [*own, *read_shipped_figures()]:
        if figures.benchmark == benchmark and figures.model == model:
            return figures
    if own:
        return replace(own[0], source=f"{own[0].source}, of {own[0].model}")
    known = ", ".join(f"{figures.model} on {figures.benchmark}" for figures in read_shipped_figures())
    raise UsageError(
        f"nothing was measured of {model} on {benchmark}: run a part (`harness run {model} -b {benchmark} --limit 40 "
        f"--out FOLDER`) and add --from FOLDER. Figures that come with the harness: {known}"
    )


def read_shipped_figures() -> list[Figures]:
    """Read the figures of the table."""
    return [Figures(**{**row, "scoring": Scoring(**row["scoring"])}) for row in _read_table()["figures"]]


@cache
def _read_table() -> dict[str, Any]:
    return tomllib.loads((files(__package__) / TABLE).read_text(encoding="utf-8"))
