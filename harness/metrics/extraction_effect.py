"""How much a score depends on the extraction rule, as a run's manifest records it.

`harness.evaluation.rescoring` measures it. A rule that scores higher is not therefore the published one.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ..types import Score

FIELD = "extractors"
"""Manifest field: the run's digest, the number of samples, and the scores under each rule."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleScore:
    """Score of the stored completions of one benchmark under one extraction rule."""

    rule: str
    own: bool
    """Whether this is the run's own rule, whose code is stored."""
    changed: int
    """Samples whose code differs from the run's own."""
    score: Score
    gained: tuple[str, ...]
    """Task ids of which more samples pass than under the run's own rule."""
    lost: tuple[str, ...]
    """Task ids of which fewer samples pass."""


def build_field(manifest: Mapping[str, Any], samples: int, found: list[RuleScore]) -> dict[str, Any]:
    """Build the manifest's record of rule scores, ready for JSON."""
    return {"digest": manifest["digest"], "samples": samples, "rules": [_serialize_rule_score(row) for row in found]}


def read_rule_scores(manifest: Mapping[str, Any], samples: int) -> list[RuleScore]:
    """Read the rule scores from the manifest; none if samples or code have changed since."""
    field = manifest.get(FIELD)
    if field is None or (field["digest"], field["samples"]) != (manifest["digest"], samples):
        return []
    return [_parse_rule_score(row) for row in field["rules"]]


def _serialize_rule_score(found: RuleScore) -> dict[str, Any]:
    row = asdict(found)
    if math.isnan(found.score.value):
        row["score"]["value"] = None
    return row


def _parse_rule_score(row: Mapping[str, Any]) -> RuleScore:
    value, interval = row["score"]["value"], row["score"]["interval"]
    computed = {"value": math.nan if value is None else value, "interval": tuple(interval) if interval else None}
    score = Score(**{**row["score"], **computed})
    return RuleScore(**{**row, "score": score, "gained": tuple(row["gained"]), "lost": tuple(row["lost"])})
