"""How much a score hangs on the rule that takes code out of answers: what a run's manifest holds of it.

`harness.evaluation.rescoring` measures it. Not promised: a rule that scores higher is not the published one for that.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ..types import Score

FIELD = "extractors"
"""In the manifest: the digest and number of samples that were looked at, and the scores under each rule."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleScore:
    """The stored completions of one benchmark under one extraction rule."""

    rule: str
    own: bool
    """The run's own: its code as it is stored."""
    changed: int
    """Samples whose code differs from the run's own."""
    score: Score
    gained: tuple[str, ...]
    """Task ids of which more samples pass than under the run's own rule."""
    lost: tuple[str, ...]
    """Those of which fewer do."""


def as_field(manifest: Mapping[str, Any], samples: int, found: list[RuleScore]) -> dict[str, Any]:
    """The manifest's record, ready for JSON."""
    return {"digest": manifest["digest"], "samples": samples, "rules": [_row(row) for row in found]}


def rules_of(manifest: Mapping[str, Any], samples: int) -> list[RuleScore]:
    """Return what the manifest holds for a run of so many samples; nothing where samples or code have changed since."""
    field = manifest.get(FIELD)
    if field is None or (field["digest"], field["samples"]) != (manifest["digest"], samples):
        return []
    return [_from_row(row) for row in field["rules"]]


def _row(found: RuleScore) -> dict[str, Any]:
    row = asdict(found)
    if math.isnan(found.score.value):
        row["score"]["value"] = None
    return row


def _from_row(row: Mapping[str, Any]) -> RuleScore:
    value, interval = row["score"]["value"], row["score"]["interval"]
    computed = {"value": math.nan if value is None else value, "interval": tuple(interval) if interval else None}
    score = Score(**{**row["score"], **computed})
    return RuleScore(**{**row, "score": score, "gained": tuple(row["gained"]), "lost": tuple(row["lost"])})
