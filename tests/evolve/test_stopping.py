"""Evol Stop: which round is kept, when rounds end, what may decide it, and what a second start does again."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.errors import UsageError
from harness.evolve.options import EvolveOptions
from harness.evolve.run import EvolveResult, evolve
from harness.evolve.stopping import EvolStop, StopRule, find_best_round, resolve_development_set, should_stop
from harness.metrics.pass_at_k import compute_pass_at_k
from harness.types import Score
from tests.commands import read_rows
from tests.evolve.world import write_replies, write_seeds

SEEDS = 6


@pytest.mark.parametrize(
    ("scores", "patience", "min_gain", "kept", "ends"),
    [
        ([0.2], 1, 0.0, 0, False),
        ([0.2, 0.3], 1, 0.0, 1, False),
        ([0.2, 0.2], 1, 0.0, 0, True),
        ([0.2, 0.1], 2, 0.0, 0, False),
        ([0.2, 0.1, 0.25], 2, 0.0, 2, False),
        ([0.2, 0.3, 0.1, 0.3], 2, 0.0, 1, True),
        ([0.2, 0.209], 1, 1.0, 0, True),
        ([0.2, 0.21], 1, 1.0, 0, True),  # a gain has to be above min_gain
        ([0.2, 0.211], 1, 1.0, 1, False),
        ([0.1, 0.1 + 0.2 - 0.2], 1, 0.0, 0, True),  # equal but for rounding
    ],
)
def test_the_rule(scores: Sequence[float], patience: int, min_gain: float, kept: int, ends: bool) -> None:
    """The last round that beat all before it is kept; `patience` rounds without one end it."""
    rule = StopRule(patience=patience, min_gain=min_gain)
    assert (find_best_round(scores, rule), should_stop(scores, rule)) == (kept, ends)


def test_a_rule_that_cannot_be_is_refused() -> None:
    with pytest.raises(UsageError, match="patience is 0"):
        StopRule(patience=0)
    with pytest.raises(UsageError, match="min_gain is -1"):
        StopRule(min_gain=-1)


@pytest.mark.data
def test_a_development_set_is_a_split_of_its_own() -> None:
    """Both spellings are known; a test set is refused, and one that shares problems with what is reported."""
    assert resolve_development_set("mbpp:validation") == resolve_development_set("mbpp-validation") == "mbpp-validation"
    assert resolve_development_set("mbpp:train", reported=("mbpp", "humaneval")) == "mbpp-train"
    for name in ("humaneval", "mbpp", "mbpp-plus"):
        with pytest.raises(UsageError, match=f"development set {name} is a test set"):
            resolve_development_set(name)
    with pytest.raises(UsageError, match="mbpp-validation is reported as well"):
        resolve_development_set("mbpp:validation", reported=("mbpp-validation",))
    with pytest.raises(UsageError, match=r"shares 39 problems with mbpp-plus, which is reported \(first: Mbpp/"):
        resolve_development_set("mbpp:validation", reported=("humaneval", "mbpp-plus"))


class Bench:
    """Gives round r the r-th of `solved` out of 90 problems; keeps what it was shown."""

    def __init__(self, solved: Sequence[int]) -> None:
        self._solved = solved
        self.shown: list[tuple[int, list[str]]] = []

    def __call__(self, number: int, data: Path) -> tuple[Score, Mapping[str, Any]]:
        self.shown.append((number, [row["id"] for row in read_rows(data / "train.jsonl")]))
        counts = {f"d/{at}": (1, int(at < self._solved[number])) for at in range(90)}
        return compute_pass_at_k(counts, 1, benchmark="dev"), {"held_out_loss": 1.0 / (number + 1)}


def run(tmp_path: Path, bench: Bench, rule: StopRule, rounds: int = 3, out: str = "out") -> EvolveResult:
    """Rounds of six seeds, a replayed model, one seed's first attempt thrown away."""
    replies = write_replies(tmp_path / "replies.jsonl", SEEDS, other={"s000004.r1/judge": "Equal"})
    options = EvolveOptions(
        model=f"replay:{replies}",
        seeds=write_seeds(tmp_path / "seeds.jsonl", SEEDS),
        rounds=rounds,
        decontaminate=False,
    )
    settings = replace(options.make_settings(tmp_path / out), stop=EvolStop(benchmark="dev", develop=bench, rule=rule))
    return evolve(options.make_config(), settings)


def test_rounds_end_where_the_score_does_not_rise(tmp_path: Path) -> None:
    """Round 2 gains nothing: round 3 is not asked for, and the data is what round 1 was tried with."""
    bench = Bench([10, 14, 12])
    outcome = run(tmp_path, bench, StopRule())

    assert [number for number, _ in bench.shown] == [0, 1, 2]
    assert not any(".r3/" in row["id"] for row in read_rows(outcome.path / "ledger.jsonl"))
    data = outcome.path / "dataset" / "train.jsonl"
    assert {row["round"] for row in read_rows(data)} == {0, 1}
    assert data.read_bytes() == (outcome.path / "rounds" / "round-1" / "train.jsonl").read_bytes()
    assert [row["id"] for row in read_rows(data)] == bench.shown[1][1]
    found = json.loads((outcome.path / "evolve.json").read_text())["evol_stop"]
    assert (found["on"], found["best_round"], found["stopped"]) == ("dev", 1, True)
    assert [round(90 * one["value"]) for one in found["rounds"]] == [10, 14, 12]
    page = (outcome.path / "report.html").read_text()
    assert "Evol Stop" in page and "left out by Evol Stop" in page and "0.500" in page
    assert not found["compared"] and "was not compared with dev: rows that repeat it count as" in " ".join(page.split())


def test_patience_goes_on_and_all_rounds_may_be_kept(tmp_path: Path) -> None:
    """A round that falls is forgiven where patience allows; what comes after it counts."""
    outcome = run(tmp_path, bench := Bench([10, 8, 20, 21]), StopRule(patience=2))
    assert [number for number, _ in bench.shown] == [0, 1, 2, 3]
    assert outcome.kept == 3
    assert {row["round"] for row in read_rows(outcome.path / "dataset" / "train.jsonl")} == {0, 1, 2, 3}


def test_the_data_of_a_second_start_is_the_same(tmp_path: Path) -> None:
    """Nothing is asked again; every round is tried anew with the same rows, which is the trainer's to skip."""
    first = run(tmp_path, bench := Bench([10, 14, 12]), StopRule())
    before = (first.path / "dataset" / "manifest.json").read_bytes()
    second = run(tmp_path, again := Bench([10, 14, 12]), StopRule())
    assert second.asked == 0
    assert again.shown == bench.shown
    assert (second.path / "dataset" / "manifest.json").read_bytes() == before
