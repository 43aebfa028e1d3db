"""Score the same completions under every extraction rule, to measure the effect of the rule.

Each rule of `harness.extraction.rules` and of the benchmark's own recipes extracts code from the raw texts of a run
folder. If the code is the run's own, its verdict holds; equal programs run once. Only one field of the run's manifest
changes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from .. import report
from ..errors import SandboxUnavailable, StoreError, UsageError
from ..metrics.extraction_effect import FIELD, RuleScore, build_field
from ..metrics.pass_at_k import compute_pass_at_k
from ..progress import Progress, Quiet
from ..report.summary import count_outcomes
from ..sandboxes import open_sandbox
from ..sandboxes.cache import judge_all, outcome_store
from ..store import RunFolder, read_manifest
from ..tasks.recipe_files import recall_recipe
from ..tasks.suite import AS_IS, Suite, load_suite
from ..types import CodeForm, Outcome, Sample, Status, Trust
from .pipeline import read_recorded_sandbox
from .session import SandboxOptions

ALL = "all"
ExtractedCode = tuple[str, str, CodeForm]
"""Task id, code and form, which decide the verdict."""
STAGE = "score"


def compare_rules(
    path: Path, *, options: SandboxOptions | None = None, progress: Progress | None = None
) -> report.Summary:
    """Score a finished run's completions under every rule, and record the scores in its manifest and report.

    The sandbox and the trust are the run's. A rule is skipped with a note if its package is not installed.

    Raises:
        StoreError: it is no run folder, has samples without verdict, or was made with other data.
        SandboxUnavailable: the judge itself failed; the same command tries again.
    """
    manifest = read_manifest(path)
    identity = manifest["identity"]
    options = replace(options or SandboxOptions(), trust=Trust(identity.get("trust", Trust.SPLIT)))
    suites = [_load_recorded_suite(path, name, manifest) for name in identity["benchmarks"]]
    with RunFolder(path, identity) as folder:
        scores: list[RuleScore] = []
        with progress or Quiet() as shown:
            for suite in suites:
                scores += _score_benchmark(folder, suite, read_recorded_sandbox(path), options, shown)
        folder.update_manifest(**{FIELD: build_field(folder.manifest, len(folder.samples), scores)})
        return report.write(path)


def _load_recorded_suite(path: Path, name: str, manifest: Mapping[str, Any]) -> Suite:
    identity = manifest["identity"]
    recorded = identity.get("recipe", identity["extraction"])[name]
    suite = load_suite(name, identity.get("limit"), identity.get("tasks", ())).with_recipe(
        recall_recipe(manifest, recorded) if recorded else AS_IS
    )
    if suite.describe_data() != identity["benchmarks"][name]:
        raise StoreError(f"{path} was made with another version of {name}'s data than the one here")
    return suite


def _score_benchmark(
    folder: RunFolder, suite: Suite, sandbox: str | None, options: SandboxOptions, shown: Progress
) -> list[RuleScore]:
    if pending := len(folder.list_pending(suite.name)):
        raise StoreError(f"{folder.path} has {pending} samples of {suite.name} without verdict; complete the run first")
    # An imported run may have only some of the problems.
    suite = replace(suite, problems={task: suite.problems[task] for task in folder.manifest["tasks"][suite.name]})
    samples = [sample for sample in folder.samples.values() if sample.benchmark == suite.name]
    known = {_get_code(sample): folder.verdicts[suite.name, sample.task_id, sample.index].status for sample in samples}
    recorded = folder.manifest["identity"]["extraction"][suite.name]
    own = _find_own_rule(folder.manifest, suite, recorded)
    by_rule = {own: samples}
    for rule in suite.list_extractors():
        if rule not in by_rule:
            try:
                by_rule[rule] = _extract_samples(suite, rule, samples)
            except UsageError as error:
                shown.note(f"left out: {error}")
    programs = dict.fromkeys(_get_code(sample) for taken in by_rule.values() for sample in taken)
    known |= _judge_programs(suite, [one for one in programs if one not in known], sandbox, options, shown)
    return list(_compare_scores(suite, own, by_rule, known))


def _find_own_rule(manifest: Mapping[str, Any], suite: Suite, recorded: Mapping[str, str] | None) -> str:
    """Return the name of the rule that the run's code was extracted by."""
    if recorded is None:
        return AS_IS.extraction.name
    recipe = suite.with_recipe(recall_recipe(manifest, recorded)).recipe
    assert recipe is not None
    return recorded.get("extractor", recipe.extraction.name)


def _extract_samples(suite: Suite, rule: str, samples: Sequence[Sample]) -> list[Sample]:
    """Extract the answers by another rule; the recipe's own steps (prefill, an echoed prompt) stay."""
    other = replace(suite, extractor=rule)
    return [other.extract_sample(sample.task_id, sample.index, sample.completion) for sample in samples]


def _get_code(sample: Sample) -> ExtractedCode:
    return sample.task_id, sample.code, sample.form


def _judge_programs(
    suite: Suite, programs: Sequence[ExtractedCode], name: str | None, options: SandboxOptions, shown: Progress
) -> dict[ExtractedCode, Status]:
    """Judge programs without a verdict in the run, each once."""
    if not programs:
        return {}
    sandbox = open_sandbox(
        name,
        environment=suite.benchmark.environment,
        workers=options.workers,
        trust=options.trust,
        allow_unsafe=options.allow_unsafe,
    )
    benchmark = suite.benchmark
    work = (
        (answer, benchmark.program(suite.problems[answer[0]], *answer[1:]), benchmark.judge(suite.problems[answer[0]]))
        for answer in programs
    )
    found: dict[ExtractedCode, Status] = {}

    def settle(key: Any, outcome: Outcome) -> None:
        if outcome.status is Status.INFRASTRUCTURE:
            raise SandboxUnavailable(f"the judge failed on {key[0]}: {outcome.detail}; try again")
        found[key] = outcome.status
        shown.advance(STAGE)

    shown.start(STAGE, len(programs))
    with sandbox as started, outcome_store(use=options.cache, warn=shown.note) as store:
        judge_all(started, work, store, settle)
    shown.finish(STAGE)
    return found


def _compare_scores(
    suite: Suite, own: str, by_rule: Mapping[str, Sequence[Sample]], known: Mapping[ExtractedCode, Status]
) -> Iterator[RuleScore]:
    counts = {
        rule: count_outcomes(suite.problems, [(sample.task_id, known[_get_code(sample)]) for sample in taken])
        for rule, taken in by_rule.items()
    }
    for rule, taken in by_rule.items():
        passed = {task_id: counts[rule][task_id][1] - counts[own][task_id][1] for task_id in suite.problems}
        yield RuleScore(
            rule=rule,
            own=rule == own,
            changed=sum(_get_code(new) != _get_code(old) for new, old in zip(taken, by_rule[own], strict=True)),
            score=compute_pass_at_k(counts[rule], 1, benchmark=suite.name),
            gained=tuple(task_id for task_id, more in passed.items() if more > 0),
            lost=tuple(task_id for task_id, more in passed.items() if more < 0),
        )
