"""Equal tokens, and held-out rows without relatives among the trained ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from harness.errors import DataError
from harness.finetune.order import order_rows
from harness.loop.ablation import compute_budget, read_rows_with_rounds, split_by_lineage
from tests.commands import write_rows


def rows(seeds: int, rounds: int) -> list[dict[str, Any]]:
    return [
        {"id": f"s{seed}.r{number}", "seed_id": f"s{seed}", "round": number}
        for seed in range(seeds)
        for number in range(rounds + 1)
    ]


@pytest.mark.parametrize("epochs", [0.5, 1, 3])
def test_every_set_trains_on_equal_tokens_to_within_its_last_row(epochs: float) -> None:
    """The budget is what the largest set has; smaller sets repeat, and none exceeds it by a whole row."""
    sizes = [17, 40, 5, 90, 33, 8, 61, 24, 12, 77]
    budget = compute_budget(sizes, epochs)
    for part in (sizes[:2], sizes[:5], sizes):
        order = order_rows(part, seed=3, tokens=budget)
        seen = sum(part[at] for at in order)
        assert budget <= seen < budget + max(part)
    if epochs == 1:
        assert sorted(order_rows(sizes, seed=3, tokens=budget)) == list(range(len(sizes)))


def test_held_out_rows_are_whole_lineages() -> None:
    """A fifth of the seeds with all rounds; the seed decides which; nothing is lost."""
    whole = rows(10, 3)
    train, apart = split_by_lineage(whole, 0.2, seed=0)
    assert {row["seed_id"] for row in train} & {row["seed_id"] for row in apart} == set()
    assert len(apart) == 2 * 4 and len(train) + len(apart) == len(whole)
    assert [row for row in whole if row in train] == train
    assert split_by_lineage(list(reversed(whole)), 0.2, seed=0)[1] == [row for row in reversed(whole) if row in apart]
    assert any(split_by_lineage(whole, 0.2, seed=seed)[1] != apart for seed in range(1, 6))
    with pytest.raises(DataError, match=r"held_out is 0.1 of 4 seeds, which leaves one part empty"):
        split_by_lineage(rows(4, 1), 0.1, seed=0)


def test_data_without_rounds_is_refused(tmp_path: Path) -> None:
    """With the line, and what would do."""
    file = write_rows(tmp_path / "rows.jsonl", [rows(1, 0)[0], {"instruction": "x", "output": "y"}])
    with pytest.raises(DataError, match=r"rows.jsonl line 2 does not say its round and its seed; .*`harness evolve`"):
        read_rows_with_rounds(file)
