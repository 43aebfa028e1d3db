"""Evaluate a model: generate, extract and score, streamed through one run folder.

Completions are stored as they finish and judged while others are still generated. Work of an earlier start of the same
run is not repeated. `run` asks a model; `harness.evaluation.scoring` takes existing samples.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from .. import registry, report
from ..config import NO_RECIPE, RunConfig, ScoreConfig, serialize_config
from ..errors import INFRASTRUCTURE, ModelError, UsageError
from ..metrics.noise import write_noise
from ..models.defaults import find_default_recipe
from ..models.loading import open_model
from ..progress import Progress, Quiet
from ..store import MANIFEST, RunFolder, read_manifest
from ..tasks.lineage import GROUPS, find_adapters_recipe, group_by_training, summarize_training
from ..tasks.prompt_format import Recipe
from ..tasks.recipe_files import KEPT, keep_recipe, read_recipe_file
from ..tasks.selection import check_tasks
from ..tasks.suite import Suite, load_suite
from ..tasks.thinking import check_template_settings
from ..tracking import RunTracker, check_trackers
from ..types import RenderedPrompt, Request, Sample, Sandbox, Trust
from .backend import Backend, open_backend
from .budget import check_limit
from .generation import Engine, Source, build_model_options, settle_token_limit
from .plans import Plan, plan_runs
from .session import SandboxOptions, Session, check_sandbox, evaluate, start_sandbox
from .sharing import copy_samples


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """The exact input of a model for one problem."""

    benchmark: str
    task_id: str
    recipe: str
    rendered: RenderedPrompt


def run(
    config: RunConfig, *, out: Path | None = None, command: Sequence[str] = (), progress: Progress | None = None
) -> report.Summary:
    """Evaluate a model; complete the run if `out` holds it already.

    `out` defaults to results/<model>-<digest>. `command` is recorded. The summary's `infrastructure` lists
    samples that the judge itself failed on; they are tried again by the next start.

    Raises:
        HarnessError: see the subclasses; what was done until then is kept.
    """
    return run_all(config, out=out, command=command, progress=progress)[0]


def run_all(
    config: RunConfig,
    *,
    out: Path | None = None,
    log_to: Sequence[str] = (),
    command: Sequence[str] = (),
    progress: Progress | None = None,
) -> list[report.Summary]:
    """Evaluate as `run` does, with the adapters and repetitions: one load for all, a folder for each.

    `log_to` names trackers (`harness.tracking`); each folder is a run of theirs.

    Raises:
        HarnessError: as `run`.
    """
    check_trackers(log_to)
    suites = prepare_suites(config)
    progress = progress or Quiet()
    with select_backend(config, progress) as backend:
        config = settle_token_limit(config, suites, backend)
        begun = find_begun_sandbox(config, suites, out)
        sandbox_name = backend.select_sandbox(config.sandbox or begun, environment=suites[0].benchmark.environment)
        planned = plan_runs(config, suites, sandbox_name, out)
        with backend.watch_progress(progress) as shown, ExitStack() as stack:
            if begun is not None and out is None:
                shown.note(f"going on in {planned[0].path}, in the sandbox that it began with: {begun}")
            engine = Engine(config, suites, stack, backend)
            summaries = [
                _run_plan(engine, plan, sandbox_name=sandbox_name, shown=shown, log_to=log_to, command=command)
                for plan in planned
            ]
    if config.repeat > 1:
        for first in planned[:: config.repeat]:
            write_noise(first.path, [plan.path for plan in planned if plan.adapter == first.adapter])
    return summaries


def _run_plan(
    engine: Engine, plan: Plan, *, sandbox_name: str, shown: Progress, log_to: Sequence[str], command: Sequence[str]
) -> report.Summary:
    config, suites = engine.config, engine.suites
    source = Source(engine, plan.path, shown, adapter=plan.adapter, order=plan.order)
    if not (plan.path / MANIFEST).exists():
        # A missing model must not leave a run folder behind.
        source.open()
    with RunFolder(plan.path, plan.identity) as folder:
        with (
            RunTracker(log_to, plan.path, shown.note) as tracker,
            Session(folder, shown, command, source.clock, engine.backend, tracker=tracker) as session,
        ):
            record_configuration(folder, config, suites)
            _record_training(folder, plan.adapter.path if plan.adapter else Path(config.model).expanduser(), suites)
            work = [
                suite
                for suite in suites
                if suite.find_missing(folder.samples, config) or folder.list_pending(suite.name)
            ]
            with _start_checked_sandboxes(session, work, sandbox_name, config) as sandboxes:
                for suite in work:
                    _evaluate_missing(source, session, suite, sandboxes[suite.benchmark.environment])
        return report.write(plan.path, suites)


def preview(config: RunConfig) -> Preview:
    """Return the exact prompt of the first problem; generate and write nothing.

    Raises:
        HarnessError: as `run`.
    """
    suite = prepare_suites(config)[0]
    model = open_model(config.model, backend=config.backend, options=build_model_options(config, None))
    request = suite.find_missing((), config)[0]
    problem = suite.requests[request.request_id]
    assert suite.recipe is not None
    return Preview(
        benchmark=suite.name,
        task_id=problem.task_id,
        recipe=suite.recipe.name,
        rendered=model.render(request.prompt),
    )


def prepare_suites(config: RunConfig) -> list[Suite]:
    """Load the suites with their recipes.

    Raises:
        HarnessError: a name or a data file does not fit, or no recipe is known.
    """
    check_limit(config)
    suites = [load_suite(name) for name in config.benchmarks]
    check_tasks(config.tasks, [task_id for suite in suites for task_id in suite.problems])
    suites = [suite.select(config.tasks, config.limit) for suite in suites]
    chosen = choose_recipe(config)
    if chosen is None:
        raise UsageError(NO_RECIPE.format(model=config.model))
    suites = [suite.with_recipe(chosen, config.extractor).with_system(config.system) for suite in suites]
    check_template_settings(config, [suite.recipe for suite in suites if suite.recipe])
    return suites


def choose_recipe(config: RunConfig) -> Recipe | str | None:
    """Return the requested recipe, else that of the adapters' or the checkpoint's training, else the model's own.

    Raises:
        UsageError: the file of a recipe cannot be read, or does not fit.
    """
    if config.recipe_file:
        return read_recipe_file(config.recipe_file)
    return config.recipe or find_adapters_recipe(config) or find_default_recipe(config.model)


def build_sandbox_options(config: RunConfig | ScoreConfig) -> SandboxOptions:
    """Build the options that programs are run with."""
    return SandboxOptions(
        workers=config.workers,
        trust=Trust(config.trust),
        allow_unsafe=config.allow_unsafe,
        cache=config.cache,
        retry_timeouts=config.retry_timeouts == "all",
    )


def select_backend(config: RunConfig | ScoreConfig, progress: Progress) -> Backend:
    """Return the backend that `config` asks for."""
    if isinstance(config, ScoreConfig):
        return open_backend(config.cluster, progress, workers=config.workers)
    return open_backend(
        config.cluster,
        progress,
        models=(config.model,),
        replicas=config.replicas,
        replica_gpus=config.replica_gpus,
        parallel=(config.tensor_parallel_size or 1) * (config.pipeline_parallel_size or 1),
        workers=config.workers,
    )


def find_begun_sandbox(config: RunConfig, suites: Sequence[Suite], out: Path | None) -> str | None:
    """Return the sandbox that this run began with, in `out` or its default folder; None if it has not begun.

    The sandbox is part of a default folder's name, and the best available one may have changed since.
    """
    if config.sandbox is not None:
        return None
    names = registry.list_registered("sandboxes")
    paths = [out] if out is not None else [plan_runs(config, suites, name, None)[0].path for name in names]
    return next((name for path in paths if (name := read_recorded_sandbox(path)) is not None), None)


def read_recorded_sandbox(path: Path) -> str | None:
    """Return the sandbox that the run in the folder `path` began with; None without a run or for an import."""
    recorded = read_manifest(path)["identity"].get("sandbox") if (path / MANIFEST).exists() else None
    return recorded if recorded in registry.list_registered("sandboxes") else None


def record_configuration(folder: RunFolder, config: RunConfig | ScoreConfig, suites: Sequence[Suite]) -> None:
    """Record the configuration and the suites in the manifest."""
    if config.recipe_file and suites[0].recipe:
        folder.update_manifest(**{KEPT: keep_recipe(suites[0].recipe)})
    folder.update_manifest(
        config=serialize_config(config),
        benchmarks={suite.name: suite.describe_data() for suite in suites},
        recipes={suite.name: suite.describe_recipe() for suite in suites},
        tasks={suite.name: list(suite.problems) for suite in suites},
        slices={suite.name: suite.group_problems() for suite in suites},
        entry_points={suite.name: suite.find_entry_points() for suite in suites},
    )


def _record_training(folder: RunFolder, checkpoint: Path, suites: Sequence[Suite]) -> None:
    """Record in the manifest how the checkpoint was trained, if that is known."""
    training = summarize_training(checkpoint)
    if training is None:
        return
    slices = {name: dict(found) for name, found in folder.manifest["slices"].items()}
    for name, groups in group_by_training(training, suites).items():
        slices[name][GROUPS] = groups
    folder.update_manifest(training=training, slices=slices)


@contextmanager
def _start_checked_sandboxes(
    session: Session, suites: Sequence[Suite], name: str, config: RunConfig
) -> Iterator[Mapping[str, Sandbox]]:
    """Start a sandbox for each environment and check it for each suite before anything is generated.

    The workers are forked before the weights are loaded, so that they stay small.
    """
    with ExitStack() as stack:
        sandboxes: dict[str, Sandbox] = {}
        options = build_sandbox_options(config)
        for suite in suites:
            environment = suite.benchmark.environment
            if environment not in sandboxes:
                sandboxes[environment] = stack.enter_context(start_sandbox(session, suite, name, options))
            if config.verify:
                check_sandbox(session, suite, sandboxes[environment])
            else:
                session.verified[suite.name] = "skipped"
        yield sandboxes


def _evaluate_missing(source: Source, session: Session, suite: Suite, sandbox: Sandbox) -> None:
    """Generate and judge the missing samples of one benchmark; answers to another one's equal questions are copied."""
    config, folder = source.config, session.folder
    requests, sources = suite.find_missing(folder.samples, config), {}
    budget = source.open_budget(folder) if requests else None
    pending = folder.list_pending(suite.name)
    if requests:
        sources = source.find_sources(suite, folder.samples)
        requests = suite.find_missing((*folder.samples, *sources), config)
    if budget is not None and budget.spent:
        requests = []
    if requests:
        source.load(folder)

    def collect_samples() -> Iterator[Sample]:
        yield from copy_samples(suite, folder.samples, sources)
        yield from source.generate_samples(session, suite, requests)

    total = len(pending) + len(sources) + _count_samples(requests)
    evaluate(session, suite, sandbox, collect_samples(), options=build_sandbox_options(config), total=total)
    missing = _count_samples(suite.find_missing(folder.samples, config))
    if missing and not (budget is not None and budget.spent):
        raise ModelError(
            f"the model left {missing} samples of {suite.name} unanswered; give the same command again",
            exit_code=INFRASTRUCTURE,
        )


def _count_samples(requests: Sequence[Request]) -> int:
    return sum(request.count for request in requests)
