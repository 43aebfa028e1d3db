"""Warnings: what a reader should know before believing a score."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..tasks.lineage import differs
from ..types import Status
from . import wording
from .oddities import TOLD
from .summary import Summary

MANY = 0.05
"""A share of samples that is warned of."""
MOSTLY = 0.5


def alarms(summary: Summary) -> list[str]:
    """A sentence each; none where nothing is odd."""
    told = []
    if summary.infrastructure:
        told.append(
            f"{len(summary.infrastructure)} samples could not be judged; the scores are not final. "
            "The same command tries them again."
        )
    if left := wording.unfinished(summary):
        told.append(left)
    for benchmark, found in summary.statuses.items():
        told += _many(benchmark, summary.oddities[benchmark], sum(found.values()))
        told += _odd(benchmark, found)
    told += _unchecked(summary.manifest)
    told += _other_recipe(summary.manifest)
    return told


def _many(benchmark: str, found: Mapping[str, int], total: int) -> list[str]:
    """The kinds of odd answers above the share that is warned of."""
    return [
        f"{benchmark}: {count} of {total} samples ({100 * count / total:.1f} %) {TOLD[kind]}."
        for kind, count in found.items()
        if total and count / total > MANY
    ]


def _odd(benchmark: str, found: Mapping[str, int]) -> list[str]:
    told = []
    total = sum(found.values())
    if tampered := found.get(Status.TAMPERED.value):
        told.append(f"{benchmark}: {tampered} programs tried to deceive the judge.")
    for status in (Status.SYNTAX_ERROR, Status.TIMEOUT, Status.MEMORY):
        if found.get(status.value, 0) > MOSTLY * total:
            told.append(
                f"{benchmark}: most samples end with {status.value}; the recipe may not be the checkpoint's "
                "(`harness run --preview` shows the prompt)."
            )
    return told


def _unchecked(manifest: Mapping[str, Any]) -> list[str]:
    skipped = {
        benchmark
        for session in manifest.get("sessions", [])
        for benchmark, how in session.get("verified", {}).items()
        if how == "skipped"
    }
    return [f"The sandbox was not checked before {name} was judged (--no-verify)." for name in sorted(skipped)]


def _other_recipe(manifest: Mapping[str, Any]) -> list[str]:
    """Where a checkpoint that was trained here was asked in another way than it was trained."""
    training = manifest.get("training")
    asked = manifest.get("config", {}).get("recipe")
    if not training or not asked or not (reason := differs(training["recipe"], asked)):
        return []
    return [f"The checkpoint {reason}; it may do better with its own."]
