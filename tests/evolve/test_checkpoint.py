"""A real checkpoint evolves a few seeds: badly, and elimination shows it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.commands import harness, read_rows
from tests.evolve.world import write_seeds


@pytest.mark.slow
@pytest.mark.usefixtures("smollm2")
def test_a_small_checkpoint_evolves_seeds_and_resumes_for_nothing(tmp_path: Path) -> None:
    """Every attempt is kept or has a reason, tokens are counted by the engine, a second start asks nothing."""
    command = ["evolve", write_seeds(tmp_path / "seeds.jsonl", 4), "-m", "smollm2-135m-instruct", "--rounds", "1"]
    command += ["--max-tokens", "48", "--max-model-len", "1024", "--no-decontaminate", "--out", tmp_path / "out"]
    first = harness(*command)
    rows = read_rows(tmp_path / "out" / "ledger.jsonl")
    assert len([row for row in rows if row["stage"] == "evolve"]) == 4
    assert all(row["completion_tokens"] <= 48 and row["prompt_tokens"] > 20 for row in rows)
    assert {row["finish_reason"] for row in rows} <= {"stop", "length"}
    # A model this small may well fail every attempt; then it says so.
    if first.returncode == 0:
        attempts = json.loads((tmp_path / "out" / "statistics.json").read_text())["attempts"]
        assert sum(one["kept"] + sum(one["rejected"].values()) for one in attempts) == 4
    else:
        assert "round 1: all 4 attempts were thrown away" in first.stderr
        assert len(read_rows(tmp_path / "out" / "rejected.jsonl")) == 4
    again = harness(*command)
    assert again.returncode == first.returncode
    assert read_rows(tmp_path / "out" / "ledger.jsonl") == rows
