"""Forecast what a run does and how long it takes; nothing is loaded, generated, judged or written.

Times are those of earlier runs on a machine like this one: of the same model and benchmark for generating, of the same
benchmark and sandbox for judging. Without such runs the time is not known. Costs are of the tokens that earlier runs of
the same model and benchmark needed per sample.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from ..config import RunConfig
from ..errors import StoreError
from ..evaluation.generation import build_model_options, settle_token_limit
from ..evaluation.pipeline import find_begun_sandbox, prepare_suites, select_backend
from ..evaluation.plans import RESULTS, Plan, plan_runs
from ..evaluation.sharing import SharedQuestions
from ..metrics.cost import TokenCount, bills_requests, compute_amount, format_amount
from ..models.loading import open_model
from ..progress import Quiet, span
from ..store import MANIFEST, provenance, read_samples, read_verdicts
from ..store.jsonable import to_plain
from ..tasks.suite import Suite
from ..types import Request, Status


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """Work that one benchmark of one run folder still needs."""

    path: Path
    benchmark: str
    problems: int
    to_generate: int
    to_judge: int
    shared: int = 0
    """Answers that another benchmark of the run gets for the same question."""
    generate_s: float | None = None
    """None: there is no earlier run."""
    judge_s: float | None = None
    cost: float | None = None
    """Expected cost of the completions. None: there is no price, or no earlier run with token counts."""
    most_for_answers: float | None = None
    """Cost of the answers if each has all the tokens it may have. None: there is no price."""


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
    """The run folders that times and tokens are from."""
    max_cost: float | None = None
    spent: float | None = None
    """Cost of the samples that are there. None: there is no price, or no token counts."""

    @property
    def cost(self) -> float | None:
        """Return the expected cost of all completions that are left; None if there are none or a part is not known."""
        costs = [work.cost for work in self.work if work.to_generate]
        return None if not costs or None in costs else sum(cost for cost in costs if cost is not None)

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
    opened = open_model(config.model, backend=config.backend, options=build_model_options(config, None))
    model, questions = opened.describe(), SharedQuestions(config, suites, opened.render)
    earlier = _EarlierRuns(config, sandbox, {plan.path.parent for plan in planned} | {RESULTS})
    per_request = bills_requests(model)
    work = [
        estimate
        for plan in planned
        for estimate in _estimate_work(plan.path, suites, config, earlier, questions, per_request=per_request)
    ]
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
        max_cost=config.max_cost,
        spent=_measure_spent(planned, config, model),
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
            f"{_format_duration(work.generate_s) if work.to_generate else ''}, "
            f"{f'{work.shared} shared with another benchmark, ' if work.shared else ''}{work.to_judge} to judge"
            f"{_format_duration(work.judge_s) if work.to_judge else ''}"
        )
    lines += _format_cost(forecast)
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
    return {**to_plain(forecast), "seconds": forecast.seconds, "cost": forecast.cost}


def _format_cost(forecast: RunForecast) -> list[str]:
    """Format the expected cost; nothing if there is no price or nothing to generate."""
    left = [work for work in forecast.work if work.to_generate]
    if not left or left[0].most_for_answers is None:
        return []
    spent = f", {format_amount(forecast.spent)} was spent before" if forecast.spent else ""
    if forecast.cost is None:
        most = format_amount(sum(work.most_for_answers or 0.0 for work in left))
        return [f"cost       not known: no earlier run tells; the answers at most {most}{spent}"]
    limited = ""
    if forecast.max_cost is not None and (forecast.spent or 0.0) + forecast.cost > forecast.max_cost:
        limited = f"; --max-cost {forecast.max_cost:g} ends the run before"
    return [f"cost       about {format_amount(forecast.cost)}{spent}{limited}"]


def _measure_spent(planned: Sequence[Plan], config: RunConfig, model: Mapping[str, Any]) -> float | None:
    if config.price is None:
        return None
    total = 0.0
    for plan in planned:
        count = TokenCount(model)
        for sample in read_samples(plan.path).values() if (plan.path / MANIFEST).exists() else ():
            count.add(sample)
        if count.unknown:
            return None
        total += compute_amount(config.price, count.prompt_tokens, count.completion_tokens)
    return total


def _estimate_work(
    path: Path,
    suites: Sequence[Suite],
    config: RunConfig,
    earlier: _EarlierRuns,
    questions: SharedQuestions,
    *,
    per_request: bool,
) -> Iterator[Work]:
    """Yield the work of each benchmark, in their order: a later one shares the answers of those before it."""
    samples, verdicts = (read_samples(path), read_verdicts(path)) if (path / MANIFEST).exists() else ({}, {})
    judged = {key for key, verdict in verdicts.items() if verdict.status is not Status.INFRASTRUCTURE}
    present = set(samples)
    for suite in suites:
        shared = questions.find_sources(suite, present)
        requests = suite.find_missing((*present, *shared), config)
        present.update((suite.name, task_id, index) for task_id in suite.problems for index in range(config.n))
        to_generate = sum(request.count for request in requests)
        waiting = sum(1 for key in samples if key[0] == suite.name and key not in judged)
        to_judge = waiting + len(shared) + to_generate
        generating = earlier.compute_mean(_compute_completion_s, suite.name)
        judging = earlier.compute_mean(_compute_verdict_s, suite.name)
        yield Work(
            path=path,
            benchmark=suite.name,
            problems=len(suite.problems),
            to_generate=to_generate,
            to_judge=to_judge,
            shared=len(shared),
            generate_s=None if generating is None else generating * to_generate,
            judge_s=None if judging is None else judging * to_judge,
            **_estimate_cost(suite, requests, config, earlier, per_request),
        )


def _estimate_cost(
    suite: Suite, requests: Sequence[Request], config: RunConfig, earlier: _EarlierRuns, per_request: bool
) -> dict[str, float | None]:
    if config.price is None:
        return {}
    samples = sum(request.count for request in requests)
    tokens = earlier.compute_mean_tokens(suite.name) if samples else None
    # A local engine computes the prompt once for all samples of a request.
    prompts = samples if per_request else len(requests)
    return {
        "cost": None if tokens is None else compute_amount(config.price, prompts * tokens[0], samples * tokens[1]),
        "most_for_answers": compute_amount(config.price, 0, samples * suite.build_params(config).max_tokens),
    }


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

    def compute_mean_tokens(self, benchmark: str) -> tuple[float, float] | None:
        """Return the mean prompt and completion tokens of a sample of `benchmark`; None if none are recorded."""
        prompts: list[int] = []
        completions: list[int] = []
        for path, manifest in self._runs:
            if benchmark not in manifest["tasks"]:
                continue
            with suppress(StoreError):  # a damaged run is no reason to refuse this one
                for sample in read_samples(path).values():
                    completion = sample.completion
                    known = completion.prompt_tokens is not None and completion.completion_tokens is not None
                    if sample.benchmark == benchmark and known:
                        self.used.add(path)
                        prompts.append(completion.prompt_tokens or 0)
                        completions.append(completion.completion_tokens or 0)
        return (fmean(prompts), fmean(completions)) if prompts else None

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
