"""A model in, verdicts out: generate, extract, score, streamed through one run folder.

Completions are kept as they finish and judged while others are still generated; what an earlier start of the
same run left is not done again. `run` asks a model, `harness.scoring` takes samples that are there already.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import report
from .config import RunConfig, ScoreConfig, as_json, digest_of
from .errors import INFRASTRUCTURE, ModelError, StoreError, UsageError
from .manifest import Clock
from .models.defaults import default_recipe
from .models.loading import open_model
from .models.options import ModelOptions
from .progress import Progress, Quiet
from .sandboxes import open_sandbox
from .session import SandboxOptions, Session, check, evaluate, started
from .store import MANIFEST, RunFolder, read_manifest
from .suite import Suite, load_suite
from .types import Model, RenderedPrompt, Request, Sample, Sandbox

RESULTS = Path("results")
LOG = "engine.log"
"""What the model's engine prints, in the run folder."""


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
    suites = prepared(config)
    sandbox_name = chosen_sandbox(config.sandbox, out, suites)
    identity = run_identity(config, suites, sandbox_name)
    path = out or default_folder(config.model, identity)
    with progress or Quiet() as shown, ExitStack() as stack:
        source = _Source(config, path, shown, stack)
        if not (path / MANIFEST).exists():
            # A model that is not there must not leave a run folder behind.
            source.open()
        with RunFolder(path, identity) as folder:
            with Session(folder, shown, command, source.clock) as session:
                describe(folder, config, suites)
                work = [
                    suite for suite in suites if suite.missing(folder.samples, config) or folder.pending(suite.name)
                ]
                with _checked(session, work, sandbox_name, config) as sandboxes:
                    for suite in work:
                        _evaluate_missing(source, session, suite, sandboxes[suite.benchmark.environment])
            return report.write(path)


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
    name = config.recipe or default_recipe(config.model)
    if name is None:
        raise UsageError(
            f'model "{config.model}" has no recipe of its own; name one with --recipe (`harness list recipes` has all)'
        )
    return [suite.with_recipe(name) for suite in suites]


def model_options(config: RunConfig, log_file: Path | None) -> ModelOptions:
    """How the model is to be loaded."""
    return ModelOptions(
        dtype=config.dtype or "auto",
        tensor_parallel_size=config.tensor_parallel_size or 1,
        max_model_len=config.max_model_len,
        gpu_memory_utilization=config.gpu_memory_utilization,
        batch_size=config.batch_size,
        log_file=log_file,
        seed=config.seed,
        trust_remote_code=config.trust_remote_code,
        allow_pickle=config.allow_pickle,
    )


def options_of(config: RunConfig | ScoreConfig) -> SandboxOptions:
    """How programs are to be run."""
    return SandboxOptions(
        workers=config.workers,
        allow_unsafe=config.allow_unsafe,
        cache=config.cache,
        time_check=config.time_check,
    )


def chosen_sandbox(asked: str | None, out: Path | None, suites: Sequence[Suite]) -> str:
    """The sandbox's name: the one asked for, else the one a run in `out` began with, else the best that is there."""
    if asked is None and out is not None and (out / MANIFEST).exists():
        recorded = read_manifest(out)["identity"].get("sandbox")
        if isinstance(recorded, str):
            return recorded
    return open_sandbox(asked, environment=suites[0].benchmark.environment).name


def run_identity(config: RunConfig, suites: Sequence[Suite], sandbox: str) -> dict[str, Any]:
    """What decides the results of a run, ready for JSON; a stop string or a template is in its recipe's digest."""
    recipes = {suite.name: suite.recipe_facts() for suite in suites}
    return {
        "kind": "run",
        "model": config.model,
        "backend": config.backend,
        "dtype": config.dtype,
        "max_model_len": config.max_model_len,
        "benchmarks": {suite.name: suite.facts() for suite in suites},
        "recipe": recipes,
        "extraction": recipes,
        "sampling": {
            "temperature": config.temperature,
            "top_p": config.top_p,
            "max_tokens": config.max_tokens,
            "seed": config.seed,
        },
        "limit": config.limit,
        "sandbox": sandbox,
    }


def default_folder(what: str, identity: Mapping[str, Any]) -> Path:
    """results/<what>-<digest>, below the current folder."""
    last = what.partition("?")[0].rstrip("/").rpartition("/")[2]
    slug = re.sub(r"[^A-Za-z0-9._-]+", "-", last).strip("-.") or "run"
    return RESULTS / f"{slug[:60]}-{digest_of(identity)[:8]}"


def describe(folder: RunFolder, config: RunConfig | ScoreConfig, suites: Sequence[Suite]) -> None:
    """Put what was asked for into the manifest."""
    folder.update_manifest(
        config=as_json(config),
        benchmarks={suite.name: suite.facts() for suite in suites},
        recipes={suite.name: suite.recipe_facts() for suite in suites},
        tasks={suite.name: list(suite.problems) for suite in suites},
    )


class _Source:
    """The model of a run, opened and loaded when the first completion is missing."""

    def __init__(self, config: RunConfig, path: Path, progress: Progress, stack: ExitStack) -> None:
        self.config = config
        self.clock = Clock()
        self._path = path
        self._progress = progress
        self._stack = stack
        self._model: Model | None = None
        self._facts: Mapping[str, Any] = {}
        self._loaded = False

    def open(self) -> Model:
        """Find the model and its backend; the weights are not loaded yet."""
        if self._model is None:
            self._progress.start("load")
            self.clock.touch("load")
            options = model_options(self.config, self._path / LOG)
            self._model = open_model(self.config.model, backend=self.config.backend, options=options)
            self._facts = self._model.describe()
            # What comes before the weights, such as the sandbox's check, is no loading.
            self.clock.touch("load")
            self.clock.settle()
        return self._model

    def load(self, folder: RunFolder) -> None:
        """Load the weights, to be dropped with the stack; other weights than an earlier start's are refused."""
        if self._loaded:
            return
        model = self.open()
        self.clock.touch("load")
        there, here = folder.manifest.get("model", {}).get("weights_digest"), self._facts.get("weights_digest")
        if there not in (None, here):
            raise StoreError(
                f"{folder.path} was made with other weights: {there} there and {here} now; choose another --out"
            )
        self._stack.enter_context(model)
        self._loaded = True
        self.clock.touch("load")
        self._progress.finish("load")
        # Again: an engine knows its type of numbers and its context only once it is loaded.
        facts = dict(model.describe())
        folder.update_manifest(model=facts)
        if reason := facts.get("backend_reason"):
            self._progress.note(f"backend: {facts['adapter']} ({reason})")

    def samples(self, session: Session, suite: Suite, requests: Sequence[Request]) -> Iterator[Sample]:
        """The answers to `requests` as they finish, with their code."""
        if not requests:
            return
        self._progress.start("generate", _count(requests))
        self.clock.touch("generate")
        for generated in self.open().generate(requests, suite.params(self.config)):
            tokens = generated.completion.completion_tokens or 0
            self.clock.touch("generate")
            session.generated += 1
            session.tokens += tokens
            self._progress.advance("generate", tokens)
            yield suite.sample(generated)
        self._progress.finish("generate")


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


def _evaluate_missing(source: _Source, session: Session, suite: Suite, sandbox: Sandbox) -> None:
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
