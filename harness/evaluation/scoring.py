"""Verdicts for samples that are there already: someone's samples file, or a run whose code is taken out anew."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from .. import report
from ..config import ScoreConfig
from ..data.sample_files import ForeignSample, SamplesFile, read, samples_digest
from ..errors import StoreError, UsageError
from ..progress import Progress, Quiet
from ..registry import lookup
from ..store import MANIFEST, RunFolder, read_manifest
from ..store.provenance import Clock
from ..tasks.suite import Suite, load_suite
from ..types import CodeForm, Completion, Sample, Sandbox, Trust
from .pipeline import chosen_sandbox, describe, options_of, place_of, recorded_sandbox
from .plans import default_folder, folders_named
from .session import SandboxOptions, Session, evaluate, starting, told


def score(
    config: ScoreConfig, *, out: Path | None = None, command: Sequence[str] = (), progress: Progress | None = None
) -> report.Summary:
    """Judge a samples file in a run folder, results/<file>-<digest> by default; resume what is there.

    Raises:
        HarnessError: see the subclasses; what was done until then is kept.
    """
    environment, options = lookup("benchmarks", config.benchmark).environment, options_of(config)
    told_to = progress or Quiet()
    with place_of(config, told_to) as there:
        begun = None if config.sandbox else _begun_sandbox(config, out)
        sandbox_name = chosen_sandbox(config.sandbox or begun, environment, there)
        with starting(there, sandbox_name, environment, options) as ready:  # while the data is read
            suite, file = _loaded(config)
            identity = _identity(config, suite, file, sandbox_name)
            path = out or default_folder(_stem(config), identity)
            goes_on = out is None and (path / MANIFEST).exists()
            with RunFolder(path, identity) as folder:
                with there.watched(told_to) as shown, Session(folder, shown, command, Clock(), there) as session:
                    if begun is not None and goes_on:
                        shown.note(f"going on in {path}, in the sandbox that it began with: {begun}")
                    describe(folder, config, [suite])
                    arrived = {(task_id, index) for _, task_id, index in folder.samples}
                    missing = [row for row in file.samples if (row.task_id, row.index) not in arrived]
                    _judge(session, suite, ready, options, missing)
                return report.write(path, [suite])


def _stem(config: ScoreConfig) -> str:
    return config.samples.name.partition(".")[0]


def _begun_sandbox(config: ScoreConfig, out: Path | None) -> str | None:
    """Return the sandbox that this run began with, in `out` or in a default folder; None if it has not begun.

    A default folder is named for the sandbox too, and which one is the best may have changed since.
    """
    if out is not None:
        return recorded_sandbox(out)
    paths = folders_named(_stem(config))
    asked = {"kind": "score", "field": config.field, "trust": config.trust}
    asked |= {"samples": samples_digest(config.samples)} if paths else {}
    for path in paths:
        try:
            identity = read_manifest(path)["identity"]
        except StoreError:  # another run's, whose damage is no matter of this one
            continue
        same = all(identity.get(key) == value for key, value in asked.items())
        if same and list(identity.get("benchmarks", ())) == [config.benchmark]:
            return recorded_sandbox(path)
    return None


def reextract(
    path: Path,
    *,
    recipe: str | None = None,
    sandbox: str | None = None,
    options: SandboxOptions | None = None,
    command: Sequence[str] = (),
    progress: Progress | None = None,
) -> report.Summary:
    """Take the code out of a run's raw texts again, in place, and judge the samples whose code changed.

    `recipe` defaults to the run's own, in its present version. Raw texts and unchanged verdicts stay.

    Raises:
        HarnessError: see the subclasses; what was done until then is kept.
    """
    identity = read_manifest(path)["identity"]
    begun = recorded_sandbox(path)
    if sandbox is not None and begun not in (None, sandbox):
        raise UsageError(f'{path} was judged in sandbox "{begun}"; a run keeps the one it began with')
    suites = [_recorded_suite(path, name, identity, recipe) for name in identity["benchmarks"]]
    extraction = {suite.name: suite.recipe_facts() for suite in suites}
    with RunFolder(path, identity) as folder:
        with progress or Quiet() as shown, Session(folder, shown, command, Clock()) as session:
            changed = [new for suite in suites for new in _changed(folder, suite)]
            folder.replace_code(changed, {**identity, "extraction": extraction})
            shown.note(f"code taken out again: {len(changed)} of {len(folder.samples)} samples changed")
            chosen = replace(options or SandboxOptions(), trust=Trust(identity.get("trust", Trust.SPLIT)))
            for suite in suites:
                if folder.pending(suite.name):
                    environment = suite.benchmark.environment
                    name = chosen_sandbox(begun or sandbox, environment, session.place)
                    with starting(session.place, name, environment, chosen) as ready:
                        _judge(session, suite, ready, chosen, [])
        return report.write(path, suites)


def _judge(
    session: Session,
    suite: Suite,
    ready: Callable[[], Sandbox],
    options: SandboxOptions,
    missing: Sequence[ForeignSample],
) -> None:
    total = len(session.folder.pending(suite.name)) + len(missing)
    if total:
        sandbox = told(session, suite, ready)
        evaluate(session, suite, sandbox, _arrivals(suite, missing), options=options, total=total)


def _arrivals(suite: Suite, rows: Sequence[ForeignSample]) -> Iterator[Sample]:
    for row in rows:
        completion = Completion(text=row.text)
        if suite.recipe is not None:
            yield suite.extracted(row.task_id, row.index, completion)
        else:
            yield suite.given(row.task_id, row.index, completion, row.text, row.form or CodeForm.COMPLETION)


def _loaded(config: ScoreConfig) -> tuple[Suite, SamplesFile]:
    suite = load_suite(config.benchmark)
    if config.recipe is not None:
        suite = suite.with_recipe(config.recipe)
    file = read(config.samples, benchmark=suite.name, task_ids=list(suite.problems), field=config.field)
    _check(config, suite, file)
    return suite, file


def _check(config: ScoreConfig, suite: Suite, file: SamplesFile) -> None:
    """Refuse what would only be noticed at the end."""
    if suite.recipe is None and any(row.form is None for row in file.samples):
        raise UsageError(
            f'field "{config.field}" of {config.samples.name} holds answers, not code; '
            "name the recipe that takes the code out with --recipe (`harness list recipes` shows all)"
        )
    counts = Counter(row.task_id for row in file.samples)
    for k in config.k:
        short = next((task_id for task_id in suite.problems if counts[task_id] < k), None)
        if short is not None:
            raise UsageError(
                f"pass@{k} needs at least {k} samples of every problem; "
                f"{config.samples.name} has {counts[short]} of {short}"
            )


def _identity(config: ScoreConfig, suite: Suite, file: SamplesFile, sandbox: str) -> dict[str, Any]:
    return {
        "kind": "score",
        "samples": f"sha256:{file.sha256}",
        "field": config.field,
        "benchmarks": {suite.name: suite.facts()},
        "extraction": {suite.name: suite.recipe_facts()},
        "sandbox": sandbox,
        "trust": config.trust,
    }


def _recorded_suite(path: Path, name: str, identity: dict[str, Any], recipe: str | None) -> Suite:
    recorded = identity["extraction"][name]
    chosen = recipe or (recorded and recorded["name"])
    if chosen is None:
        raise UsageError(f"{path} was scored without a recipe; name one with --recipe (`harness list recipes` has all)")
    suite = load_suite(name, identity.get("limit")).with_recipe(chosen)
    if suite.facts() != identity["benchmarks"][name]:
        raise StoreError(f"{path} was made with another version of {name}'s data than the one here")
    return suite


def _changed(folder: RunFolder, suite: Suite) -> Iterator[Sample]:
    for sample in folder.samples.values():
        if sample.benchmark == suite.name:
            new = suite.extracted(sample.task_id, sample.index, sample.completion)
            if new != sample:
                yield new
