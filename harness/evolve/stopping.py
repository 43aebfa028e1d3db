"""Evol Stop: a round is worth its data while a checkpoint trained on it does better on a development set.

WizardCoder (Luo et al. 2023, arXiv 2306.08568) trains after every round and keeps the rounds before the score falls.
Round 0, the seeds alone, is trained as well: what the first round has to beat. The paper's first version looked at
HumanEval, which it also reported; a development set that shares problems with a reported benchmark is refused here.

A gain may be noise: 27 of 90 problems are 30 % with an interval from 21 to 40 %, so intervals are shown beside
the scores.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .. import registry
from ..config.checking import Points, PositiveInt, check_fields
from ..errors import UsageError
from ..optional import get_splits
from ..tasks.suite import load_suite
from ..tasks.variants import find_split
from ..types import Score


@dataclass(frozen=True, slots=True, kw_only=True)
class StopRule:
    """Rule that ends the rounds."""

    patience: PositiveInt = 1
    """Rounds without a gain that end it."""
    min_gain: Points = 0.0
    """Points of pass@1 by which a round has to beat the best one before it, and more."""

    def __post_init__(self) -> None:
        check_fields(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """Result of training on all rounds up to one."""

    round: int
    rows: int
    score: Score
    facts: Mapping[str, Any] = field(default_factory=dict)
    """Of the training: folders, digests, losses; JSON-ready."""

    def to_json(self) -> dict[str, Any]:
        """Return the trial for a manifest."""
        low, high = self.score.interval or (None, None)
        return {
            "round": self.round,
            "rows": self.rows,
            "metric": self.score.metric,
            "value": self.score.value,
            "low": low,
            "high": high,
            "problems": self.score.n_problems,
            **self.facts,
        }


Develop = Callable[[int, Path], tuple[Score, Mapping[str, Any]]]
"""Trains on the data set in a round's folder and evaluates the checkpoint: its score, and facts for the manifest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EvolStop:
    """The rule, the development set, and how a round's data is tried."""

    benchmark: str
    develop: Develop
    rule: StopRule = field(default_factory=StopRule)


def find_best_round(scores: Sequence[float], rule: StopRule) -> int:
    """Return the round to keep: the last one that beat all before it by more than `min_gain` points."""
    kept = 0
    for number, score in enumerate(scores):
        # Shares of problems: what is equal but for rounding must not count as a gain.
        if 100 * (score - scores[kept]) > rule.min_gain + 1e-9:
            kept = number
    return kept


def should_stop(scores: Sequence[float], rule: StopRule) -> bool:
    """Tell whether the last `patience` rounds gained nothing; `scores` begins with the seeds'."""
    return len(scores) - 1 - find_best_round(scores, rule) >= rule.patience


def resolve_development_set(name: str, reported: Sequence[str] = ()) -> str:
    """Resolve `name` ("mbpp:validation" or "mbpp-validation") to a benchmark that is fit to decide when to stop.

    Raises:
        UsageError: it is not known, is a test set, or shares problems with one of `reported`.
        DataError: its data is missing.
    """
    given, _, split = name.partition(":")
    benchmark = find_split(given, split or None)
    splits = get_splits(registry.lookup("benchmarks", benchmark))
    if benchmark in reported:
        raise UsageError(f"development set {benchmark} is reported as well: choose another one for either")
    if splits.get("test", benchmark) == benchmark:
        offer = f"{given}:validation" if "validation" in splits else "mbpp:validation"
        raise UsageError(
            f"development set {benchmark} is a test set, whose score is reported: a score that chose the data says "
            f"nothing any more. Take one that is none, such as {offer}"
        )
    own = load_suite(benchmark).problems
    for other in reported:
        if shared := [task for task in load_suite(other).problems if task in own]:
            raise UsageError(
                f"development set {benchmark} shares {len(shared)} problems with {other}, which is reported "
                f"(first: {shared[0]}); choose another one for either"
            )
    return benchmark


def strip_paths(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return the facts of Evol Stop that do not depend on where the folders lie."""
    figures = ("round", "rows", "metric", "value", "low", "high", "problems")
    rounds = [{key: trial[key] for key in figures} for trial in facts["rounds"]]
    return {**facts, "rounds": rounds}
