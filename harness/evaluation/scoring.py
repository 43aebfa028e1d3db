"""Judge existing samples: a samples file, or a run whose code is extracted again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from .. import report
from ..config import ScoreConfig
from ..data.sample_files import ForeignSample, SamplesFile, digest_samples, read_samples_file
from ..errors import StoreError, UsageError
from ..progress import Progress, Quiet
from ..registry import lookup
from ..store import MANIFEST, RunFolder, read_manifest
from ..store.provenance import StageTimer
from ..tasks.prompt_format import Recipe
from ..tasks.recipe_files import KEPT, keep_recipe, read_recipe_file, recall_recipe
from ..tasks.suite import AS_IS, Suite, load_suite
from ..tracking import RunTracker, check_trackers
from ..types import CodeForm, Completion, Sample, Sandbox, Trust
from .pipeline import build_sandbox_options, read_recorded_sandbox, record_configuration, select_backend
from .plans import choose_default_folder, find_default_folders
from .session import SandboxOptions, Session, evaluate, prepare_sandbox, record_sandbox


def score(
    config: ScoreConfig,
    *,
    out: Path | None = None,
    log_to: Sequence[str] = (),
    command: Sequence[str] = (),
    progress: Progress | None = None,
) -> report.Summary:
    """Judge a samples file in a run folder, by default results/<file>-<digest>; resume an earlier start.

    `log_to` names trackers (`harness.tracking`).

    Raises:
        HarnessError: see the subclasses; what was done until then is kept.
    """
    check_trackers(log_to)
    environment, options = lookup("benchmarks", config.benchmark).environment, build_sandbox_options(config)
    progress = progress or Quiet()
    with select_backend(config, progress) as backend:
        begun = None if config.sandbox else _find_begun_sandbox(config, out)
        sandbox_name = backend.select_sandbox(config.sandbox or begun, environment=environment)
        with prepare_sandbox(backend, sandbox_name, environment, options) as ready:  # while the data is read
            suite, file = _load_inputs(config)
            identity = _build_identity(config, suite, file, sandbox_name)
            path = out or choose_default_folder(_derive_stem(config), identity)
            goes_on = out is None and (path / MANIFEST).exists()
            with RunFolder(path, identity) as folder:
                with (
                    backend.watch_progress(progress) as shown,
                    RunTracker(log_to, path, shown.note) as tracker,
                    Session(folder, shown, command, StageTimer(), backend, tracker=tracker) as session,
                ):
                    if begun is not None and goes_on:
                        shown.note(f"going on in {path}, in the sandbox that it began with: {begun}")
                    record_configuration(folder, config, [suite])
                    arrived = {(task_id, index) for _, task_id, index in folder.samples}
                    missing = [row for row in file.samples if (row.task_id, row.index) not in arrived]
                    _judge_samples(session, suite, ready, options, missing)
                return report.write(path, [suite])


def _derive_stem(config: ScoreConfig) -> str:
    return config.samples.name.partition(".")[0]


def _find_begun_sandbox(config: ScoreConfig, out: Path | None) -> str | None:
    """Return the sandbox that this run began with, in `out` or a default folder; None if it has not begun.

    The sandbox is part of a default folder's name, and the best available one may have changed since.
    """
    if out is not None:
        return read_recorded_sandbox(out)
    paths = find_default_folders(_derive_stem(config))
    asked = {"kind": "score", "field": config.field, "trust": config.trust}
    asked |= {"samples": digest_samples(config.samples)} if paths else {}
    for path in paths:
        try:
            identity = read_manifest(path)["identity"]
        except StoreError:  # another run's; its damage does not concern this one
            continue
        same = all(identity.get(key) == value for key, value in asked.items())
        if same and list(identity.get("benchmarks", ())) == [config.benchmark]:
            return read_recorded_sandbox(path)
    return None


def reextract(
    path: Path,
    *,
    recipe: str | None = None,
    recipe_file: Path | str | None = None,
    extractor: str | None = None,
    sandbox: str | None = None,
    options: SandboxOptions | None = None,
    command: Sequence[str] = (),
    progress: Progress | None = None,
) -> report.Summary:
    """Extract the code of a run's raw texts again, in place, and judge the samples whose code changed.

    The recipe and `extractor` default to the run's own: in their present versions, or as the manifest keeps a recipe
    that came from a file. Raw texts and unchanged verdicts stay.

    Raises:
        HarnessError: see the subclasses; what was done until then is kept.
    """
    manifest = read_manifest(path)
    identity, begun = manifest["identity"], read_recorded_sandbox(path)
    if sandbox is not None and begun not in (None, sandbox):
        raise UsageError(f'{path} was judged in sandbox "{begun}"; a run keeps the one it began with')
    if recipe and recipe_file:
        raise UsageError(f'recipe is "{recipe}" and recipe_file is "{recipe_file}"; give one of them')
    own = read_recipe_file(Path(recipe_file)) if recipe_file else None
    suites = [_load_recorded_suite(path, name, manifest, own or recipe, extractor) for name in identity["benchmarks"]]
    extraction = {suite.name: suite.describe_extraction() for suite in suites}
    with RunFolder(path, identity) as folder:
        with progress or Quiet() as shown, Session(folder, shown, command, StageTimer()) as session:
            before = dict(folder.samples)
            if own:
                folder.update_manifest(**{KEPT: folder.manifest.get(KEPT, {}) | keep_recipe(own)})
            folder.replace_code(_extract_again(folder, suites), {**identity, "extraction": extraction})
            changed = sum(sample.code != before[key].code for key, sample in folder.samples.items())
            shown.note(f"code taken out again: {changed} of {len(before)} samples changed")
            chosen = replace(options or SandboxOptions(), trust=Trust(identity.get("trust", Trust.SPLIT)))
            for suite in suites:
                if folder.list_pending(suite.name):
                    environment = suite.benchmark.environment
                    name = session.backend.select_sandbox(begun or sandbox, environment=environment)
                    with prepare_sandbox(session.backend, name, environment, chosen) as ready:
                        _judge_samples(session, suite, ready, chosen, [])
        return report.write(path, suites)


def _judge_samples(
    session: Session,
    suite: Suite,
    ready: Callable[[], Sandbox],
    options: SandboxOptions,
    missing: Sequence[ForeignSample],
) -> None:
    total = len(session.folder.list_pending(suite.name)) + len(missing)
    if total:
        sandbox = record_sandbox(session, suite, ready)
        evaluate(session, suite, sandbox, _build_samples(suite, missing), options=options, total=total)


def _build_samples(suite: Suite, rows: Sequence[ForeignSample]) -> Iterator[Sample]:
    for row in rows:
        completion = Completion(text=row.text)
        if suite.recipe is not None:
            yield suite.extract_sample(row.task_id, row.index, completion)
        else:
            yield suite.attach_code(row.task_id, row.index, completion, row.text, row.form or CodeForm.COMPLETION)


def _load_inputs(config: ScoreConfig) -> tuple[Suite, SamplesFile]:
    suite = load_suite(config.benchmark)
    chosen = read_recipe_file(config.recipe_file) if config.recipe_file else config.recipe
    if chosen is not None or config.extractor is not None:
        suite = suite.with_recipe(chosen or AS_IS, config.extractor)
    file = read_samples_file(config.samples, benchmark=suite.name, task_ids=list(suite.problems), field=config.field)
    _check_inputs(config, suite, file)
    return suite, file


def _check_inputs(config: ScoreConfig, suite: Suite, file: SamplesFile) -> None:
    """Refuse inputs whose fault would only show at the end."""
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


def _build_identity(config: ScoreConfig, suite: Suite, file: SamplesFile, sandbox: str) -> dict[str, Any]:
    return {
        "kind": "score",
        "samples": f"sha256:{file.sha256}",
        "field": config.field,
        "benchmarks": {suite.name: suite.describe_data()},
        "extraction": {suite.name: suite.describe_extraction()},
        "sandbox": sandbox,
        "trust": config.trust,
    }


def _load_recorded_suite(
    path: Path, name: str, manifest: Mapping[str, Any], recipe: Recipe | str | None, extractor: str | None
) -> Suite:
    identity = manifest["identity"]
    recorded = identity["extraction"][name] or {}
    chosen = recipe or (recall_recipe(manifest, recorded) if recorded else AS_IS if extractor else None)
    if chosen is None:
        raise UsageError(f"{path} was scored without a recipe; name one with --recipe (`harness list recipes` has all)")
    suite = load_suite(name, identity.get("limit"), identity.get("tasks", ()))
    suite = suite.with_recipe(chosen, extractor or (None if recipe else recorded.get("extractor")))
    if suite.describe_data() != identity["benchmarks"][name]:
        raise StoreError(f"{path} was made with another version of {name}'s data than the one here")
    return suite


def _extract_again(folder: RunFolder, suites: Sequence[Suite]) -> Iterator[Sample]:
    by_name = {suite.name: suite for suite in suites}
    for sample in folder.samples.values():
        new = by_name[sample.benchmark].extract_sample(sample.task_id, sample.index, sample.completion)
        yield replace(new, shared_with=sample.shared_with)
