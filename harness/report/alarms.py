"""Warnings that a reader should know before trusting a score."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..tasks.lineage import explain_difference
from ..types import Status
from . import wording
from .oddities import DESCRIPTIONS
from .summary import Summary

MANY = 0.05
"""Share of samples above which a warning is given."""
MOSTLY = 0.5


def find_alarms(summary: Summary) -> list[str]:
    """Return a sentence for each thing that casts doubt on the scores."""
    warnings = []
    if summary.infrastructure:
        warnings.append(
            f"{len(summary.infrastructure)} samples could not be judged; the scores are not final. "
            "The same command tries them again."
        )
    if left := wording.format_unfinished(summary):
        warnings.append(left)
    warnings += [
        f"{benchmark}: the scores are of {own} of {every} problems; the others are not in the run."
        for benchmark, (own, every) in summary.partial.items()
    ]
    warnings += _warn_of_uneven_samples(summary.manifest)
    for benchmark, counts in summary.statuses.items():
        warnings += _warn_of_oddities(benchmark, summary.oddities[benchmark], sum(counts.values()))
        warnings += _warn_of_statuses(benchmark, counts)
    warnings += _warn_of_unchecked_sandbox(summary.manifest)
    warnings += _warn_of_recipe(summary.manifest)
    return warnings


def _warn_of_oddities(benchmark: str, counts: Mapping[str, int], total: int) -> list[str]:
    """Warn of each kind of odd answer whose share of samples is above `MANY`."""
    return [
        f"{benchmark}: {count} of {total} samples ({100 * count / total:.1f} %) {DESCRIPTIONS[kind]}."
        for kind, count in counts.items()
        if total and count / total > MANY
    ]


def _warn_of_statuses(benchmark: str, counts: Mapping[str, int]) -> list[str]:
    warnings = []
    total = sum(counts.values())
    if tampered := counts.get(Status.TAMPERED.value):
        warnings.append(f"{benchmark}: {tampered} programs tried to deceive the judge.")
    for status in (Status.SYNTAX_ERROR, Status.TIMEOUT, Status.MEMORY):
        if counts.get(status.value, 0) > MOSTLY * total:
            warnings.append(
                f"{benchmark}: most samples end with {status.value}; the recipe may not be the checkpoint's "
                "(`harness run --preview` shows the prompt)."
            )
    return warnings


def _warn_of_unchecked_sandbox(manifest: Mapping[str, Any]) -> list[str]:
    skipped = {
        benchmark
        for session in manifest.get("sessions", [])
        for benchmark, how in session.get("verified", {}).items()
        if how == "skipped"
    }
    return [f"The sandbox was not checked before {name} was judged (--no-verify)." for name in sorted(skipped)]


def _warn_of_uneven_samples(manifest: Mapping[str, Any]) -> list[str]:
    counts = manifest.get("imported", {}).get("samples_per_problem")
    return [f"The imported file has from {counts[0]} to {counts[1]} samples of a problem."] if counts else []


def _warn_of_recipe(manifest: Mapping[str, Any]) -> list[str]:
    """Warn if a checkpoint that was trained here was prompted with another recipe than in training."""
    training = manifest.get("training")
    asked = manifest.get("config", {}).get("recipe")
    if not training or not asked or not (reason := explain_difference(training["recipe"], asked)):
        return []
    return [f"The checkpoint {reason}; it may do better with its own."]
