"""A model in, verdicts out: generate, extract, score, streamed through one run folder.

Completions are kept as they finish and judged while others are still generated; what an earlier start of the
same run left is not done again. `run` asks a model, `harness.evaluation.scoring` takes samples that are there already.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from .. import registry, report
from ..config import NO_RECIPE, RunConfig, ScoreConfig, as_json
from ..errors import INFRASTRUCTURE, ModelError, UsageError
from ..metrics.noise import write_noise
from ..models.defaults import default_recipe
from ..models.loading import open_model
from ..progress import Progress, Quiet
from ..store import MANIFEST, RunFolder, read_manifest
from ..tasks.lineage import GROUPS, adapters_recipe, training_of, training_slices
from ..tasks.suite import Suite, load_suite
from ..types import RenderedPrompt, Request, Sandbox, Trust
from .backend import Place, place
from .generation import Engine, Source, model_options
from .plans import Plan, plans
from .session import SandboxOptions, Session, check, evaluate, started


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
    """Evaluate a model; complete what is missing where `out` holds the same run already.

    `out` defaults to results/<model>-<digest>. `command` is recorded. The summary's `infrastructure` lists
    samples that the judge itself failed on; they are tried again by the next start.

    Raises:
        HarnessError: see the subclasses; what was done until then is kept.
    """
    return run_all(config, out=out, command=command, progress=progress)[0]


def run_all(
    config: RunConfig, *, out: Path | None = None, command: Sequence[str] = (), progress: Progress | None = None
) -> list[report.Summary]:
    """Evaluate as `run` does, with the adapters and repetitions too: one load for all, a folder for each.

    Raises:
        HarnessError: as `run`.
    """
    suites = prepared(config)
    told = progress or Quiet()
    with place_of(config, told) as there:
        begun = begun_sandbox(config, suites, out)
        sandbox_name = chosen_sandbox(config.sandbox or begun, suites[0].benchmark.environment, there)
        planned = plans(config, suites, sandbox_name, out)
        with there.watched(told) as shown, ExitStack() as stack:
            if begun is not None and out is None:
                shown.note(f"going on in {planned[0].path}, in the sandbox that it began with: {begun}")
            engine = Engine(config, suites, stack, there)
            summaries = [
                _run(engine, plan, sandbox_name=sandbox_name, shown=shown, command=command) for plan in planned
            ]
    if config.repeat > 1:
        for first in planned[:: config.repeat]:
            write_noise(first.path, [plan.path for plan in planned if plan.adapter == first.adapter])
    return summaries


def _run(engine: Engine, plan: Plan, *, sandbox_name: str, shown: Progress, command: Sequence[str]) -> report.Summary:
    config, suites = engine.config, engine.suites
    source = Source(engine, plan.path, shown, adapter=plan.adapter, order=plan.order)
    if not (plan.path / MANIFEST).exists():
        # A model that is not there must not leave a run folder behind.
        source.open()
    with RunFolder(plan.path, plan.identity) as folder:
        with Session(folder, shown, command, source.clock, engine.place) as session:
            describe(folder, config, suites)
            _tell_training(folder, plan.adapter.path if plan.adapter else Path(config.model).expanduser(), suites)
            work = [suite for suite in suites if suite.missing(folder.samples, config) or folder.pending(suite.name)]
            with _checked(session, work, sandbox_name, config) as sandboxes:
                for suite in work:
                    _evaluate_missing(source, session, suite, sandboxes[suite.benchmark.environment])
        return report.write(plan.path, suites)


def preview(config: RunConfig) -> Preview:
    """The exact prompt of the first problem; nothing is generated or written.

    Raises:
        HarnessError: as `run`.
    """
    suite = prepared(config)[0]
    model = open_model(config.model, backend=config.backend, options=model_options(config, None))
    request = suite.missing((), config)[0]
    problem = suite.requests[request.request_id]
    assert suite.recipe is not None
    return Preview(
        benchmark=suite.name,
        task_id=problem.task_id,
        recipe=suite.recipe.name,
        rendered=model.render(request.prompt),
    )


def prepared(config: RunConfig) -> list[Suite]:
    """The suites with their recipes.

    Raises:
        HarnessError: a name or a data file does not fit, or no recipe is known.
    """
    suites = [load_suite(name, config.limit) for name in config.benchmarks]
    name = chosen_recipe(config)
    if name is None:
        raise UsageError(NO_RECIPE.format(model=config.model))
    return [suite.with_recipe(name) for suite in suites]


def chosen_recipe(config: RunConfig) -> str | None:
    """The recipe asked for, else that of the adapters' or the checkpoint's training, else the model's own."""
    return config.recipe or adapters_recipe(config) or default_recipe(config.model)


def options_of(config: RunConfig | ScoreConfig) -> SandboxOptions:
    """How programs are to be run."""
    return SandboxOptions(
        workers=config.workers,
        trust=Trust(config.trust),
        allow_unsafe=config.allow_unsafe,
        cache=config.cache,
        retry_timeouts=config.retry_timeouts == "all",
    )


def place_of(config: RunConfig | ScoreConfig, progress: Progress) -> Place:
    """Where `config` wants its model and sandboxes to be."""
    if isinstance(config, ScoreConfig):
        return place(config.cluster, progress, workers=config.workers)
    return place(
        config.cluster,
        progress,
        models=(config.model,),
        replicas=config.replicas,
        replica_gpus=config.replica_gpus,
        parallel=(config.tensor_parallel_size or 1) * (config.pipeline_parallel_size or 1),
        workers=config.workers,
    )


def begun_sandbox(config: RunConfig, suites: Sequence[Suite], out: Path | None) -> str | None:
    """Return the sandbox that this run began with, in `out` or in its default folder; None if it has not begun.

    A default folder is named for the sandbox too, and which one is the best may have changed since.
    """
    if config.sandbox is not None:
        return None
    names = registry.names("sandboxes")
    paths = [out] if out is not None else [plans(config, suites, name, None)[0].path for name in names]
    return next((name for path in paths if (name := recorded_sandbox(path)) is not None), None)


def recorded_sandbox(path: Path) -> str | None:
    """Return the sandbox that the run in the folder `path` began with; None without a run or for an imported one."""
    recorded = read_manifest(path)["identity"].get("sandbox") if (path / MANIFEST).exists() else None
    return recorded if recorded in registry.names("sandboxes") else None


def chosen_sandbox(name: str | None, environment: str, there: Place) -> str:
    """Return the name of the sandbox: `name`, else the best that is there."""
    return there.sandbox_name(name, environment=environment)


def describe(folder: RunFolder, config: RunConfig | ScoreConfig, suites: Sequence[Suite]) -> None:
    """Put what was asked for into the manifest."""
    folder.update_manifest(
        config=as_json(config),
        benchmarks={suite.name: suite.facts() for suite in suites},
        recipes={suite.name: suite.recipe_facts() for suite in suites},
        tasks={suite.name: list(suite.problems) for suite in suites},
        slices={suite.name: suite.slices() for suite in suites},
        entry_points={suite.name: suite.entry_points() for suite in suites},
    )


def _tell_training(folder: RunFolder, checkpoint: Path, suites: Sequence[Suite]) -> None:
    """Put how the checkpoint was trained into the manifest, where that is on record."""
    training = training_of(checkpoint)
    if training is None:
        return
    slices = {name: dict(found) for name, found in folder.manifest["slices"].items()}
    for name, groups in training_slices(training, suites).items():
        slices[name][GROUPS] = groups
    folder.update_manifest(training=training, slices=slices)


@contextmanager
def _checked(
    session: Session, suites: Sequence[Suite], name: str, config: RunConfig
) -> Iterator[Mapping[str, Sandbox]]:
    """A started sandbox for each environment, checked for each suite before anything is generated.

    The workers are forked before the weights are loaded: they stay small.
    """
    with ExitStack() as stack:
        sandboxes: dict[str, Sandbox] = {}
        for suite in suites:
            environment = suite.benchmark.environment
            if environment not in sandboxes:
                sandboxes[environment] = stack.enter_context(started(session, suite, name, options_of(config)))
            if config.verify:
                check(session, suite, sandboxes[environment])
            else:
                session.verified[suite.name] = "skipped"
        yield sandboxes


def _evaluate_missing(source: Source, session: Session, suite: Suite, sandbox: Sandbox) -> None:
    """Generate and judge what one benchmark still lacks."""
    config, folder = source.config, session.folder
    requests = suite.missing(folder.samples, config)
    pending = folder.pending(suite.name)
    if requests:
        source.load(folder)
    arrivals = source.samples(session, suite, requests)
    total = len(pending) + _count(requests)
    evaluate(session, suite, sandbox, arrivals, options=options_of(config), total=total)
    if missing := _count(suite.missing(folder.samples, config)):
        raise ModelError(
            f"the model left {missing} samples of {suite.name} unanswered; give the same command again",
            exit_code=INFRASTRUCTURE,
        )


def _count(requests: Sequence[Request]) -> int:
    return sum(request.count for request in requests)
