"""The same completions under every extraction rule: how much of a score is the rule's.

The raw texts of a run folder are read anew by each rule of `harness.tasks.extraction` and of the benchmark's own
recipes; where the code comes out as the run has it, the run's verdict holds, and equal programs run once. Nothing of
the run changes but one field of its manifest.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from .. import report
from ..errors import SandboxUnavailable, StoreError, UsageError
from ..metrics.extraction_effect import FIELD, RuleScore, as_field
from ..metrics.pass_at_k import pass_at_k
from ..optional import recipes_of
from ..progress import Progress, Quiet
from ..report.summary import counts_of
from ..sandboxes import open_sandbox
from ..sandboxes.cache import judge_all, outcome_store
from ..store import RunFolder, read_manifest
from ..tasks.extraction import EXTRACTIONS, Extraction
from ..tasks.suite import AS_IS, Suite, load_suite
from ..types import CodeForm, Outcome, Sample, Status, Trust
from .pipeline import recorded_sandbox
from .session import SandboxOptions

ALL = "all"
Answer = tuple[str, str, CodeForm]
"""Task id, code, form: what a verdict hangs on."""
STAGE = "score"


def compare_rules(
    path: Path, *, options: SandboxOptions | None = None, progress: Progress | None = None
) -> report.Summary:
    """Score a finished run's completions under every rule, and put the scores into its manifest and report.

    The sandbox and the trust are the run's. A rule whose package is not installed is left out, with a note.

    Raises:
        StoreError: it is no run folder, has samples without verdict, or was made with other data.
        SandboxUnavailable: the judge itself failed; the same command tries again.
    """
    identity = read_manifest(path)["identity"]
    options = replace(options or SandboxOptions(), trust=Trust(identity.get("trust", Trust.SPLIT)))
    suites = [_suite(path, name, identity) for name in identity["benchmarks"]]
    with RunFolder(path, identity) as folder:
        found: list[RuleScore] = []
        with progress or Quiet() as shown:
            for suite in suites:
                found += _compared(folder, suite, recorded_sandbox(path), options, shown)
        folder.update_manifest(**{FIELD: as_field(folder.manifest, len(folder.samples), found)})
        return report.write(path)


def rules(suite: Suite) -> dict[str, Extraction]:
    """By name: the general rules, the text as it is, and those of the benchmark's recipes."""
    own = {recipe.extraction.name: recipe.extraction for recipe in recipes_of(suite.benchmark).values()}
    return {**EXTRACTIONS, AS_IS.extraction.name: AS_IS.extraction, **own}


def _suite(path: Path, name: str, identity: Mapping[str, Any]) -> Suite:
    recorded = identity.get("recipe", identity["extraction"])[name]
    suite = load_suite(name, identity.get("limit")).with_recipe(recorded["name"] if recorded else AS_IS.name)
    if suite.facts() != identity["benchmarks"][name]:
        raise StoreError(f"{path} was made with another version of {name}'s data than the one here")
    return suite


def _compared(
    folder: RunFolder, suite: Suite, sandbox: str | None, options: SandboxOptions, shown: Progress
) -> list[RuleScore]:
    if pending := len(folder.pending(suite.name)):
        raise StoreError(f"{folder.path} has {pending} samples of {suite.name} without verdict; complete the run first")
    samples = [sample for sample in folder.samples.values() if sample.benchmark == suite.name]
    known = {_program(sample): folder.verdicts[suite.name, sample.task_id, sample.index].status for sample in samples}
    recorded = folder.manifest["identity"]["extraction"][suite.name]
    own = suite.with_recipe(recorded["name"]).recipe if recorded else AS_IS
    assert own is not None
    by_rule = {own.extraction.name: samples}
    for rule in rules(suite).values():
        if rule.name not in by_rule:
            try:
                by_rule[rule.name] = _extracted(suite, rule, samples)
            except UsageError as error:
                shown.note(f"left out: {error}")
    programs = dict.fromkeys(_program(sample) for taken in by_rule.values() for sample in taken)
    known |= _judged(suite, [one for one in programs if one not in known], sandbox, options, shown)
    return list(_scored(suite, own.extraction.name, by_rule, known))


def _extracted(suite: Suite, rule: Extraction, samples: Sequence[Sample]) -> list[Sample]:
    """The answers read by another rule; what the recipe does before it (prefill, an echoed prompt) stays."""
    assert suite.recipe is not None
    other = replace(suite, recipe=replace(suite.recipe, extraction=rule))
    return [other.extracted(sample.task_id, sample.index, sample.completion) for sample in samples]


def _program(sample: Sample) -> Answer:
    return sample.task_id, sample.code, sample.form


def _judged(
    suite: Suite, programs: Sequence[Answer], name: str | None, options: SandboxOptions, shown: Progress
) -> dict[Answer, Status]:
    """The verdicts of programs that the run has not, each asked for once."""
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
    found: dict[Answer, Status] = {}

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


def _scored(
    suite: Suite, own: str, by_rule: Mapping[str, Sequence[Sample]], known: Mapping[Answer, Status]
) -> Iterator[RuleScore]:
    counts = {
        rule: counts_of(suite.problems, [(sample.task_id, known[_program(sample)]) for sample in taken])
        for rule, taken in by_rule.items()
    }
    for rule, taken in by_rule.items():
        passed = {task_id: counts[rule][task_id][1] - counts[own][task_id][1] for task_id in suite.problems}
        yield RuleScore(
            rule=rule,
            own=rule == own,
            changed=sum(_program(new) != _program(old) for new, old in zip(taken, by_rule[own], strict=True)),
            score=pass_at_k(counts[rule], 1, benchmark=suite.name),
            gained=tuple(task_id for task_id, more in passed.items() if more > 0),
            lost=tuple(task_id for task_id, more in passed.items() if more < 0),
        )
