"""A server of OpenAI's protocol that misbehaves: every case ends as it should, and none ends the run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.commands import harness, read_rows, write_rows
from tests.evolve.misbehaving import MODEL, misbehaving

SEEDS = 10
ENDS = {
    "s000002.r1": "request-failed",
    "s000002.r2": "request-failed",
    "s000003.r1": "truncated",
    "s000004.r1": "no-content",
    "s000005.r1": "markers",
    "s000006.r1": "sorry",
    "s000007.r1": "no-gain",
}


@pytest.mark.parametrize("thinking", ["", "marked", "apart"])
def test_every_trouble_of_a_server_ends_as_it_should(thinking: str, tmp_path: Path) -> None:
    """Busy, broken, cut, empty, copied, sorry, equal: each gets its reason; a second start asks nothing.

    A model's reasoning changes nothing of it, but where it is all that came.
    """
    ends = ENDS | ({"s000009.r1": "unclosed-reasoning"} if thinking else {})
    if thinking == "apart":
        # Reasoning and an empty answer: whether the reasoning was ever closed cannot be told.
        ends["s000004.r1"] = "unclosed-reasoning"
    seeds = write_rows(
        tmp_path / "seeds.jsonl",
        [{"instruction": f"Write case{n} for two numbers.", "output": f"case{n} = {n}"} for n in range(SEEDS)],
    )
    with misbehaving(thinking) as server:
        command = ["evolve", seeds, "-m", f"openai:{MODEL}@{server.url}", "--rounds", "2", "--out", tmp_path / "out"]
        command += ["--no-decontaminate", "--no-near-duplicates", "--retries", "1", "--backoff-s", "0.01"]
        done = harness(*command)
        assert done.returncode == 0, done.stderr
        served = server.asked.total()
        assert harness(*command).returncode == 0
        assert server.asked.total() == served
    rejected = {row["id"]: row["reason"] for row in read_rows(tmp_path / "out" / "rejected.jsonl")}
    assert rejected == ends
    rows = {row["id"]: row for row in read_rows(tmp_path / "out" / "dataset" / "train.jsonl")}
    assert len(rows) == 3 * SEEDS - len(ends)
    for row in rows.values():
        if row["round"]:
            assert row["instruction"].startswith("Write case") and "x < y && y >" in row["instruction"]
            assert row["output"].endswith("return x < y\n```")
    ledger = read_rows(tmp_path / "out" / "ledger.jsonl")
    assert len({row["key"] for row in ledger}) == len(ledger)
    assert {row["prompt_tokens"] for row in ledger if "error" not in row} == {11}
    assert [row["id"] for row in ledger if "error" in row] == ["s000002.r1/evolve", "s000002.r2/evolve"]
    statistics = json.loads((tmp_path / "out" / "statistics.json").read_text())
    assert statistics["reasons"].get("unclosed-reasoning", 0) == [*ends.values()].count("unclosed-reasoning")
