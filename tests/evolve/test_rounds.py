"""The papers' algorithm, with a replayed model: who meets what, who survives, what becomes of the others."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from harness.errors import ModelError
from harness.evolve.operators import choose_operators
from harness.evolve.records import EvolveConfig
from harness.evolve.run import EvolveResult, Settings, evolve
from tests.commands import read_rows
from tests.evolve.world import write_replies, write_seeds

SEEDS = 6


def run(tmp_path: Path, other: dict[str, Any] | None = None, *, out: str = "out", **changes: Any) -> EvolveResult:
    """Two rounds of six seeds; `other` are replies other than the usual ones."""
    replies = write_replies(tmp_path / "replies.jsonl", SEEDS, other=other)
    values = {"model": f"replay:{replies}", "operators": choose_operators("wizardcoder"), "rounds": 2, **changes}
    seeds, patience = write_seeds(tmp_path / "seeds.jsonl", SEEDS), values.pop("patience", 3)
    return evolve(EvolveConfig(**values), Settings(out=tmp_path / out, seeds=seeds, patience=patience))


def rows(outcome: EvolveResult) -> dict[str, dict[str, Any]]:
    return {row["id"]: row for row in read_rows(outcome.path / "dataset" / "train.jsonl")}


def test_seeds_and_all_rounds_are_merged(tmp_path: Path) -> None:
    """Six seeds and two rounds of six; a row's parent is its lineage's row of the round before."""
    found = rows(run(tmp_path))
    assert len(found) == 3 * SEEDS
    for number in range(SEEDS):
        seed, first, second = (found[f"s{number:06d}{end}"] for end in ("", ".r1", ".r2"))
        assert (seed["round"], first["round"], second["round"]) == (0, 1, 2)
        assert (first["parent_id"], second["parent_id"]) == (seed["id"], first["id"])
        assert first["seed_id"] == second["seed_id"] == seed["id"]
        assert seed["operator"] is None and first["operator"] and second["operator"]


def test_an_answer_stays_with_its_instruction(tmp_path: Path) -> None:
    """The name in each instruction is the name of the function in its answer, and nothing is escaped."""
    for row in rows(run(tmp_path)).values():
        name = row["instruction"].split()[1].lower()
        assert f"def {name}(" in row["output"]
        if row["round"]:
            assert "<b> & c" in row["instruction"] and "x < y" in row["output"]


@pytest.mark.parametrize(
    ("request_id", "said", "reason"),
    [
        ("s000002.r1/judge", "Equal", "no-gain"),
        ("s000002.r1/evolve", {"completion": "Half a", "finish_reason": "length"}, "truncated"),
        ("s000002.r1/answer", {"completion": "```python\nx = 1\n```", "finish_reason": "length"}, "truncated"),
        ("s000002.r1/answer", "I am sorry.", "sorry"),
        ("s000002.r1/answer", "", "no-content"),
        ("s000002.r1/evolve", "As in the given prompt, sort the rows.", "markers"),
        ("s000002.r1/evolve", None, "request-failed"),
        ("s000002.r1/answer", None, "request-failed"),
        ("s000002.r1/judge", None, "request-failed"),
    ],
)
def test_a_failed_attempt_is_tried_again_in_the_next_round(
    tmp_path: Path, request_id: str, said: Any, reason: str
) -> None:
    """Its parent stays in the pool unchanged; the row that comes of it later names what was thrown away."""
    outcome = run(tmp_path, {request_id: said})
    found = rows(outcome)
    assert len(found) == 3 * SEEDS - 1
    later = found["s000002.r2"]
    assert later["parent_id"] == "s000002"
    (told,) = later["rejected"]
    assert (told["round"], told["reason"]) == (1, reason)
    (thrown,) = read_rows(outcome.path / "rejected.jsonl")
    assert (thrown["id"], thrown["reason"], thrown["operator"]) == ("s000002.r1", reason, told["operator"])
    others = [row for row in found.values() if row["seed_id"] != "s000002"]
    assert all(row["rejected"] == [] for row in others)


def test_statistics_add_up(tmp_path: Path) -> None:
    """Every attempt is kept or has a reason, for each round and operator."""
    outcome = run(tmp_path, {"s000001.r1/judge": "Equal", "s000003.r2/answer": "Sorry."})
    attempts = json.loads((outcome.path / "statistics.json").read_text())["attempts"]
    for one in attempts:
        assert one["attempts"] == one["kept"] + sum(one["rejected"].values())
    assert sum(one["attempts"] for one in attempts) == 2 * SEEDS
    assert outcome.statistics["reasons"] == {"no-gain": 1, "sorry": 1}


def test_an_unclear_judge_is_counted_and_the_row_says_so(tmp_path: Path) -> None:
    """Only "Equal" eliminates, as in the paper."""
    outcome = run(tmp_path, {"s000001.r1/judge": "Hard to tell"})
    assert outcome.statistics["unclear_judgements"] == 1
    assert rows(outcome)["s000001.r1"]["judged"] == "unclear"
    strict = run(tmp_path, {"s000001.r1/judge": "Hard to tell"}, out="strict", strict_judge=True)
    assert strict.statistics["reasons"] == {"unclear-judge": 1}
    assert "s000001.r1" not in rows(strict)


def test_the_seed_decides_operators_order_and_requests(tmp_path: Path) -> None:
    """The same seed gives the same bytes; another one another order and other requests."""
    first, second = (run(tmp_path, out=out) for out in ("a", "b"))
    other = run(tmp_path, out="c", seed=1)
    data = [(one.path / "dataset" / "train.jsonl").read_bytes() for one in (first, second, other)]
    assert data[0] == data[1] != data[2]
    drawn = [[row["seed"] for row in read_rows(one.path / "ledger.jsonl")] for one in (first, second, other)]
    assert drawn[0] == drawn[1] != drawn[2]
    assert len(set(drawn[0])) == len(drawn[0])


def test_the_same_command_again_does_not_merge_twice(tmp_path: Path) -> None:
    """Nothing is asked, and the data is the same."""
    first = run(tmp_path)
    before = (first.path / "dataset" / "train.jsonl").read_bytes()
    again = run(tmp_path)
    assert (again.asked, again.requests) == (0, first.requests)
    assert (again.path / "dataset" / "train.jsonl").read_bytes() == before


def test_more_rounds_go_on_from_the_last_one(tmp_path: Path) -> None:
    """Only the new round is asked for."""
    first = run(tmp_path)
    third = run(tmp_path, rounds=3)
    assert third.asked == 3 * SEEDS == third.requests - first.requests


def test_a_model_that_returns_nonsense_ends_with_an_explanation(tmp_path: Path) -> None:
    """Rounds that nothing survives end it when patience does; it says why, and what there was is written."""
    nonsense = {f"s{number:06d}.r{at}/evolve": "... !" for number in range(SEEDS) for at in (2, 3)}
    with pytest.raises(ModelError, match=r"round 3: all 6 attempts were thrown away \(no-content 6\)"):
        run(tmp_path, nonsense, rounds=4, patience=2)
    assert len(read_rows(tmp_path / "out" / "rejected.jsonl")) == 2 * SEEDS
    assert len(read_rows(tmp_path / "out" / "dataset" / "train.jsonl")) == 2 * SEEDS


def test_a_round_that_nothing_survives_is_followed_by_the_next(tmp_path: Path) -> None:
    """Its parents are tried again; a run without any survivor still fails."""
    nonsense = {f"s{number:06d}.r1/evolve": "... !" for number in range(SEEDS)}
    found = rows(run(tmp_path, nonsense))
    assert len(found) == 2 * SEEDS and found["s000000.r2"]["parent_id"] == "s000000"
    with pytest.raises(ModelError, match="round 1: all 6 attempts"):
        run(tmp_path, nonsense, out="one", rounds=1)


def test_seeds_without_answers_are_answered_first(tmp_path: Path) -> None:
    """A seed that gets no usable answer is left out; its descendants stay."""
    seeds = tmp_path / "plain.txt"
    seeds.write_text("Write one thing well.\nWrite another thing, slowly.\n", encoding="utf-8")
    answers = {"s000000/answer": "```python\nx = 1\n```", "s000001/answer": "Sorry."}
    replies = write_replies(tmp_path / "replies.jsonl", 2, other=answers)
    config = EvolveConfig(model=f"replay:{replies}", operators=choose_operators("wizardlm"), rounds=1)
    outcome = evolve(config, Settings(out=tmp_path / "out", seeds=seeds))
    found = rows(outcome)
    assert sorted(found) == ["s000000", "s000000.r1", "s000001.r1"]
    assert found["s000000"]["model"] == config.model
    assert outcome.statistics["unanswered_seeds"] == 1
