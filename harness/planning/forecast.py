"""Forecast what a run does and how long it takes; nothing is loaded, generated, judged or written.

Times are those of earlier runs on a machine like this one: of the same model and benchmark for generating, of the same
benchmark and sandbox for judging. Without such runs the time is not known.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..config import RunConfig
from ..errors import StoreError
from ..evaluation.generation import build_model_options, settle_token_limit
from ..evaluation.pipeline import find_begun_sandbox, prepare_suites, select_backend
from ..evaluation.plans import RESULTS, plan_runs
from ..models.loading import open_model
from ..progress import Quiet, span
from ..store import MANIFEST, provenance, read_samples, read_verdicts
from ..store.jsonable import to_plain
from ..tasks.suite import Suite
from ..types import Status


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """Work that one benchmark of one run folder still needs."""

    path: Path
    benchmark: str
    problems: int
    to_generate: int
    to_judge: int
    generate_s: float | None = None
    """None: there is no earlier run."""
    judge_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunForecast:
    """Forecast of all that a configuration asks for."""

    model: str
    backend: str
    recipe: str
    sandbox: str
    work: tuple[Work, ...]
    start_s: float | None
    """Seconds to start and check the sandbox and load the model. None: there is no earlier run."""
    measured_in: tuple[Path, ...]
    """The run folders that the times are from."""

    @property
    def seconds(self) -> float | None:
        """Return the seconds of all remaining work; None if a part is not known."""
        left = [work for work in self.work if work.to_judge]
        total = self.start_s if left else 0.0
        for work in left:
            generating = work.generate_s if work.to_generate else 0.0
            if total is None or generating is None or work.judge_s is None:
                return None
            # Completions are judged while others are generated.
            total += max(generating, work.judge_s)
        return total


def forecast_run(config: RunConfig, out: Path | None = None) -> RunForecast:
    """Return what `harness.evaluation.pipeline.run` would do with `config` in the folder `out`.

    Raises:
        HarnessError: as the run itself would, before it generates anything.
    """
    suites = prepare_suites(config)
    with select_backend(config, Quiet()) as executor:
        config = settle_token_limit(config, suites, executor)
        begun = find_begun_sandbox(config, suites, out)
        sandbox = executor.select_sandbox(config.sandbox or begun, environment=suites[0].benchmark.environment)
    planned = plan_runs(config, suites, sandbox, out)
    model = open_model(config.model, backend=config.backend, options=build_model_options(config, None)).describe()
    earlier = _EarlierRuns(config, sandbox, {plan.path.parent for plan in planned} | {RESULTS})
    work = [_estimate_work(plan.path, suite, config, earlier) for plan in planned for suite in suites]
    recipe = suites[0].recipe
    assert recipe is not None
    return RunForecast(
        model=config.model,
        backend=str(model["adapter"]),
        recipe=recipe.name,
        sandbox=sandbox,
        work=tuple(work),
        start_s=earlier.compute_mean(_compute_start_s),
        measured_in=tuple(sorted(earlier.used)),
    )


def format_forecast(forecast: RunForecast) -> str:
    """Format the forecast as text."""
    lines = [
        f"model      {forecast.model}, by {forecast.backend}, recipe {forecast.recipe}",
        f"sandbox    {forecast.sandbox}",
    ]
    for work in forecast.work:
        lines.append(f"run        {work.path}")
        lines.append(
            f"  {work.benchmark}: {work.problems} problems, {work.to_generate} completions to generate"
            f"{_format_duration(work.generate_s) if work.to_generate else ''}, {work.to_judge} to judge"
            f"{_format_duration(work.judge_s) if work.to_judge else ''}"
        )
    if not any(work.to_judge for work in forecast.work):
        return "\n".join([*lines, "time       nothing is left to do; the report is written anew"])
    if forecast.start_s is not None:
        lines.append(f"starting   about {span(forecast.start_s)}: the sandbox, its check, the model")
    if (seconds := forecast.seconds) is None:
        return "\n".join([*lines, "time       not known: no earlier run of this model on this machine tells"])
    lines.append(f"time       about {span(seconds)} in all")
    lines += [f"measured   {path}" for path in forecast.measured_in]
    return "\n".join(lines)


def serialize_forecast(forecast: RunForecast) -> dict[str, Any]:
    """Serialize the forecast."""
    return {**to_plain(forecast), "seconds": forecast.seconds}


def _estimate_work(path: Path, suite: Suite, config: RunConfig, earlier: _EarlierRuns) -> Work:
    samples, verdicts = (read_samples(path), read_verdicts(path)) if (path / MANIFEST).exists() else ({}, {})
    requests = suite.find_missing(samples, config)
    to_generate = sum(request.count for request in requests)
    judged = {key for key, verdict in verdicts.items() if verdict.status is not Status.INFRASTRUCTURE}
    waiting = sum(1 for key in samples if key[0] == suite.name and key not in judged)
    to_judge = waiting + to_generate
    generating = earlier.compute_mean(_compute_completion_s, suite.name)
    judging = earlier.compute_mean(_compute_verdict_s, suite.name)
    return Work(
        path=path,
        benchmark=suite.name,
        problems=len(suite.problems),
        to_generate=to_generate,
        to_judge=to_judge,
        generate_s=None if generating is None else generating * to_generate,
        judge_s=None if judging is None else judging * to_judge,
    )


Session = Mapping[str, Any]
STARTING = ("sandbox", "verify", "load")


class _EarlierRuns:
    """Sessions of earlier runs of the same model on a machine like this one, and the folders whose times were used."""

    def __init__(self, config: RunConfig, sandbox: str, folders: set[Path]) -> None:
        self.used: set[Path] = set()
        hardware = provenance.describe_hardware()
        self._runs = [
            (path, manifest)
            for path, manifest in _read_manifests(folders)
            if manifest["identity"].get("model") == config.model
            and manifest["identity"].get("sandbox") == sandbox
            and all(manifest["hardware"].get(key) == hardware[key] for key in ("processor", "cores", "gpus"))
            and manifest["config"].get("max_tokens") == config.max_tokens
        ]

    def compute_mean(self, figure: Callable[[Session], float | None], benchmark: str | None = None) -> float | None:
        """Return the mean of `figure` over the sessions of runs of `benchmark` alone (None: of all runs)."""
        values = []
        for path, manifest in self._runs:
            if benchmark is not None and list(manifest["tasks"]) != [benchmark]:
                continue
            own = [value for session in manifest["sessions"] if (value := figure(session)) is not None]
            if own:
                self.used.add(path)
                values += own
        return sum(values) / len(values) if values else None


def _read_manifests(folders: set[Path]) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Yield the complete manifests below `folders`; damaged and unfinished ones are skipped."""
    for file in sorted({file for folder in folders for file in folder.glob(f"*/{MANIFEST}")}):
        try:
            manifest = json.loads(file.read_text(encoding="utf-8"))
            if {"identity", "hardware", "tasks", "config", "sessions"} <= set(manifest):
                yield file.parent, manifest
        except (OSError, ValueError, StoreError):
            continue


def _compute_start_s(session: Session) -> float | None:
    stages = session["stages_s"]
    return sum(stages.get(stage, 0.0) for stage in STARTING) if session["generated"] else None


def _compute_completion_s(session: Session) -> float | None:
    seconds = session["stages_s"].get("generate")
    return seconds / session["generated"] if seconds is not None and session["generated"] else None


def _compute_verdict_s(session: Session) -> float | None:
    rate = session.get("verdicts_per_s")
    return 1 / rate if rate else None


def _format_duration(seconds: float | None) -> str:
    return " (time not known)" if seconds is None else f" (about {span(seconds)})"
