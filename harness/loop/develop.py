"""Evol Stop's part here: train on a round's data, evaluate on the development set, give the score."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..config import run_config
from ..config.checking import Points, PositiveInt, check_fields
from ..errors import UsageError
from ..evolve.stopping import EvolStop, StopRule, resolve_development_set
from ..types import Score
from .workshop import Workshop, scores

METRIC = "pass@1"


@dataclass(frozen=True, slots=True, kw_only=True)
class StopOptions:
    """Options of Evol Stop."""

    on: str
    """The development set: mbpp:validation, say."""
    patience: PositiveInt = 1
    min_gain: Points = 0.0
    finetune: Mapping[str, Any] = field(default_factory=dict)
    """Keys of `TrainingConfig`."""
    run: Mapping[str, Any] = field(default_factory=dict)
    """Keys of `RunConfig`, but what is run on what."""

    def __post_init__(self) -> None:
        check_fields(self)

    @property
    def rule(self) -> StopRule:
        """Return when rounds end."""
        return StopRule(patience=self.patience, min_gain=self.min_gain)


def evol_stop(options: StopOptions, workshop: Workshop, reported: tuple[str, ...] = ()) -> EvolStop:
    """The rule with trainings and evaluations in `workshop`; all settings are checked before anything is evolved.

    Raises:
        UsageError: a setting does not fit, or the development set is reported.
        HarnessError: the base or a benchmark's data is missing.
    """
    benchmark = resolve_development_set(options.on, reported)
    values = {**options.run, "benchmarks": [benchmark]}
    run_config({"model": workshop.base, **values})

    def develop(number: int, data: Path) -> tuple[Score, Mapping[str, Any]]:  # noqa: ARG001
        trained = workshop.train(data, options.finetune)
        evaluated = workshop.evaluate(str(trained.folder), trained.digest, values)
        found = next((score for score in scores(evaluated) if score.metric == METRIC), None)
        if found is None:
            raise UsageError(f"Evol Stop looks at {METRIC}, and k is {list(options.run.get('k', []))}; add 1")
        return found, {
            "data": trained.stage.key["data"],
            "checkpoint": str(trained.folder),
            "run": str(evaluated.folder),
            "held_out_loss": trained.outcome.get("held_out_loss"),
            "trained_tokens": trained.outcome.get("trained_tokens"),
        }

    return EvolStop(benchmark=benchmark, develop=develop, rule=options.rule)
