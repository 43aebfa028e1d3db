"""Tokens of reasoning and of answers, counted apart in every output of a run and of a comparison."""

from __future__ import annotations

import json
from pathlib import Path

from harness.metrics.tokens import TokenCounter, TokenMeans
from harness.types import Completion
from tests.commands import harness
from tests.runs import outcomes, write_run


def test_means_are_over_completions_whose_tokens_are_known() -> None:
    """One without reasoning is all answer."""
    counter = TokenCounter()
    assert counter.compute_means() is None
    for tokens, reasoning in ((10, 6), (20, None), (None, None)):
        counter.add(Completion(text="", completion_tokens=tokens, reasoning_tokens=reasoning))
    assert counter.compute_means() == TokenMeans(samples=2, reasoning=3.0, answer=12.0)


def test_card_page_and_files_tell_both(tmp_path: Path) -> None:
    """A model that does not reason has no such line."""
    thinking = write_run(tmp_path / "thinking", outcomes([0], n=4), reasoning_tokens=3)
    plain = write_run(tmp_path / "plain", outcomes([0], n=4))
    told = "3 of reasoning and 2 of the answer, on average"

    assert told in harness("report", thinking).stdout
    assert told in (thinking / "report.md").read_text()
    assert told in (thinking / "report.html").read_text()
    means = {"samples": 4, "reasoning": 3.0, "answer": 2.0}
    assert json.loads((thinking / "scores.json").read_text())["tokens"] == {"humaneval": means}
    assert "of reasoning" not in harness("report", plain).stdout

    done = harness("compare", plain, thinking)
    assert done.returncode == 0, done.stderr
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in done.stdout.splitlines() if "|" in line]
    assert ["humaneval", "plain", "0", "5"] in rows
    assert ["humaneval", "thinking", "3", "2"] in rows
    assert json.loads(harness("compare", plain, thinking, "--json").stdout)["tokens"]["thinking"] == {
        "humaneval": means
    }
