"""Read finished runs for a comparison, and find what makes two of them not comparable."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..config import find_differences
from ..report.headline import name_model
from ..report.summary import Summary, count_outcomes, summarize_run
from ..report.wording import format_unfinished
from ..store import read_manifest, read_samples, read_verdicts
from ..store.records import SampleKey
from ..types import Sample, Status, Verdict

Counts = Mapping[str, tuple[int, int]]
"""Task id -> (samples, passed)."""
BASE = "base "
"""Prefix of the metrics of a benchmark's base part."""
UNSET = {"thinking": "auto", "thinking_budget": "none"}
"""What it means that a run's identity lacks a key."""
SAMPLING = ("temperature", "top_p", "max_tokens", "system")
"""Keys of sampling that have to agree; seeds need not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A run folder as it was read."""

    name: str
    """Name in tables; unique among the compared runs."""
    path: Path
    summary: Summary
    samples: Mapping[SampleKey, Sample]
    verdicts: Mapping[SampleKey, Verdict]

    @property
    def identity(self) -> Mapping[str, Any]:
        """Return what decides the run's results, as its manifest records it."""
        identity: Mapping[str, Any] = self.summary.manifest["identity"]
        return identity

    def list_tasks(self, benchmark: str) -> list[str]:
        """Return the run's tasks of `benchmark`, in order."""
        return list(self.summary.manifest["tasks"].get(benchmark, []))

    def list_parts(self, benchmark: str) -> list[str]:
        """Return the prefixes of metrics: "", and "base " if verdicts have a base part."""
        based = any(v.base_status is not None for v in self.verdicts.values() if v.benchmark == benchmark)
        return [BASE, ""] if based else [""]

    def count_samples(self, benchmark: str, part: str = "") -> dict[str, tuple[int, int]]:
        """Count (samples, passed) of each task, without samples that the judge failed on."""
        own = [v for key, v in self.verdicts.items() if v.benchmark == benchmark and key in self.samples]
        judged = [v for v in own if v.status is not Status.INFRASTRUCTURE]
        outcomes = [(v.task_id, v.base_status if part and v.base_status is not None else v.status) for v in judged]
        return count_outcomes(self.list_tasks(benchmark), outcomes)


def read_run(path: Path) -> Run:
    """Read the run in the folder `path`.

    Raises:
        StoreError: it is not a run folder, or a file is damaged; the message names file and line.
    """
    manifest, samples, verdicts = read_manifest(path), read_samples(path), read_verdicts(path)
    summary = summarize_run(path, manifest, samples, verdicts)
    return Run(name=name_model(manifest), path=path, summary=summary, samples=samples, verdicts=dict(verdicts))


def read_runs(paths: Sequence[Path]) -> list[Run]:
    """Read the runs of `paths` and give each a unique name.

    Raises:
        StoreError: as `read_run`.
    """
    runs = [read_run(path) for path in paths]
    by_subject = [run.name for run in runs]
    by_folder = [run.path.resolve().name for run in runs]
    numbered = [f"{name} ({number})" for number, name in enumerate(by_folder, start=1)]
    names = next(names for names in (by_subject, by_folder, numbered) if len(set(names)) == len(names))
    return [replace(run, name=name) for run, name in zip(runs, names, strict=True)]


def find_shared_benchmarks(first: Run, other: Run) -> list[str]:
    """Return the benchmarks of which the runs share tasks."""
    names = first.summary.manifest["tasks"]
    return [name for name in names if set(first.list_tasks(name)) & set(other.list_tasks(name))]


def find_mismatches(first: Run, other: Run, *, common: bool = False) -> list[str]:
    """Return the reasons why two runs are not comparable; with `common` their problems may differ."""
    reasons = []
    for run in (first, other):
        if unfinished := format_unfinished(run.summary):
            reasons.append(f"{run.path}: {unfinished[0].lower()}{unfinished[1:].rstrip('.')}")
    for benchmark in find_shared_benchmarks(first, other):
        if not common and set(first.list_tasks(benchmark)) != set(other.list_tasks(benchmark)):
            reasons.append(f"{_format_overlap(first, other, benchmark)}; `harness compare --common` compares these")
        first_facts, other_facts = _collect_facts(first, benchmark), _collect_facts(other, benchmark)
        for text in find_differences(first_facts, other_facts):
            # The text speaks of a resumed folder; here it is about two runs.
            difference = text.removesuffix(" now").replace(" there and ", f" in {first.name} and ")
            reasons.append(f"{benchmark}: {difference} in {other.name}")
    return reasons


def find_caveats(runs: Sequence[Run]) -> list[str]:
    """Return what a reader should know about comparable runs."""
    first, *others = runs
    texts = [
        f"Only problems in common are compared: {_format_overlap(first, other, benchmark)}."
        for other in others
        for benchmark in find_shared_benchmarks(first, other)
        if set(first.list_tasks(benchmark)) != set(other.list_tasks(benchmark))
    ]
    unknown = [run.name for run in runs if "sampling" not in run.identity]
    if unknown:
        texts.append(f"Prompts and sampling of samples files are not known: {', '.join(unknown)}.")
    for run in runs:
        alone = [
            name for name in run.summary.manifest["tasks"] if not any(o.list_tasks(name) for o in runs if o is not run)
        ]
        if alone:
            texts.append(f"{run.name} alone has {', '.join(alone)}; it is not compared.")
    for what in ("thinking", "thinking_budget", "sandbox", "trust", "harness_version"):
        values = {
            run.name: str(run.identity.get(what, run.summary.manifest.get(what)) or UNSET.get(what, "not recorded"))
            for run in runs
        }
        texts += _format_difference(what.replace("_", " "), values)
    dtypes = {run.name: (run.summary.manifest.get("model") or {}).get("dtype") for run in runs}
    if all(dtypes.values()):  # replayed samples have none
        texts += _format_difference("dtype", dtypes)
    for run in runs:
        if run.summary.infrastructure:
            texts.append(
                f"{run.name}: the judge failed on {len(run.summary.infrastructure)} samples; they are left out."
            )
    return texts


def _format_difference(what: str, values: Mapping[str, Any]) -> list[str]:
    """Return a sentence if runs differ in `what`; `values` are by the names of the runs."""
    if len(set(values.values())) == 1:
        return []
    listed = ", ".join(f"{value} ({name})" for name, value in values.items())
    return [f"The runs differ in {what}: {listed}."]


def _format_overlap(first: Run, other: Run, benchmark: str) -> str:
    own, theirs = first.list_tasks(benchmark), other.list_tasks(benchmark)
    shared = len(set(own) & set(theirs))
    return f"{benchmark} has {len(own)} problems in {first.name} and {len(theirs)} in {other.name}, {shared} in common"


def _collect_facts(run: Run, benchmark: str) -> dict[str, Any]:
    """Return what has to agree between compared runs."""
    identity = run.identity
    facts: dict[str, Any] = {
        "data digest": identity["benchmarks"][benchmark]["data_digest"],
        "extraction": _format_identity(identity, "extraction", benchmark),
        "samples per problem": max((n for n, _ in run.count_samples(benchmark).values()), default=0),
    }
    if "sampling" in identity:
        facts["recipe"] = _format_identity(identity, "recipe", benchmark)
        facts |= {key: identity["sampling"].get(key) for key in SAMPLING}
    else:
        facts["recipe"] = "unknown"
    return facts


def _format_identity(identity: Mapping[str, Any], what: str, benchmark: str) -> str | None:
    entry = identity.get(what, {}).get(benchmark)
    return f"{entry['name']} {entry['digest'][:12]}" if entry else None
