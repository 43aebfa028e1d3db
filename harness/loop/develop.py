"""Evol Stop's trial of a round: train on its data, evaluate on the development set, return the score."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..config import build_run_config
from ..config.checking import Points, PositiveInt, check_fields
from ..errors import UsageError
from ..evolve.stopping import EvolStop, StopRule, resolve_development_set
from ..types import Score
from .workshop import Workshop, read_scores

METRIC = "pass@1"


@dataclass(frozen=True, slots=True, kw_only=True)
class StopOptions:
    """Options of Evol Stop."""

    on: str
    """The development set, such as mbpp:validation."""
    patience: PositiveInt = 1
    min_gain: Points = 0.0
    finetune: Mapping[str, Any] = field(default_factory=dict)
    """Keys of `TrainingConfig`."""
    run: Mapping[str, Any] = field(default_factory=dict)
    """Keys of `RunConfig`, without model and benchmarks."""

    def __post_init__(self) -> None:
        check_fields(self)

    @property
    def rule(self) -> StopRule:
        """Return the rule that ends rounds."""
        return StopRule(patience=self.patience, min_gain=self.min_gain)


def build_evol_stop(options: StopOptions, workshop: Workshop, reported: tuple[str, ...] = ()) -> EvolStop:
    """Build Evol Stop with trainings and evaluations in `workshop`, and check all settings.

    Raises:
        UsageError: a setting does not fit, or the development set is reported.
        HarnessError: the base or a benchmark's data is missing.
    """
    benchmark = resolve_development_set(options.on, reported)
    values = {**options.run, "benchmarks": [benchmark]}
    build_run_config({"model": workshop.base, **values})

    def develop(number: int, data: Path) -> tuple[Score, Mapping[str, Any]]:  # noqa: ARG001
        trained = workshop.train(data, options.finetune)
        evaluated = workshop.evaluate(str(trained.folder), trained.digest, values)
        reached = next((score for score in read_scores(evaluated) if score.metric == METRIC), None)
        if reached is None:
            raise UsageError(f"Evol Stop looks at {METRIC}, and k is {list(options.run.get('k', []))}; add 1")
        return reached, {
            "data": trained.stage.key["data"],
            "checkpoint": str(trained.folder),
            "run": str(evaluated.folder),
            "held_out_loss": trained.outcome.get("held_out_loss"),
            "trained_tokens": trained.outcome.get("trained_tokens"),
        }

    return EvolStop(benchmark=benchmark, develop=develop, rule=options.rule)
