"""kill -9 in the middle of a sampled run: every sample once, each with the seed that explains it."""

from __future__ import annotations

import os
import signal
from collections import Counter
from pathlib import Path

import pytest

from harness.tasks.suite import derive_seed
from tests.cli.test_main import wait_for_rows
from tests.commands import harness, read_rows, start
from tests.models.api_server import Api, serving

pytest.importorskip("openai", reason="the package openai is not installed")

PROBLEMS, N = 164, 20


@pytest.mark.slow
def test_a_sampled_run_that_is_killed_is_completed_with_its_own_seeds(tmp_path: Path) -> None:
    """164 problems, 20 samples each at temperature 0.8, through a server: none twice, none lost, seeds as planned."""
    with serving(Api()) as api:
        arguments = ["run", f"openai:served@{api.url}", "-b", "humaneval", "-r", "completion", "--sandbox", "process"]
        arguments += ["--n", str(N), "--temperature", "0.8", "--no-verify", "--out", str(tmp_path / "run")]
        killed = start(*arguments)
        wait_for_rows(tmp_path / "run" / "samples.jsonl", 700, killed)
        os.killpg(killed.pid, signal.SIGKILL)
        killed.communicate()
        there = len(read_rows(tmp_path / "run" / "samples.jsonl"))
        assert 700 <= there < PROBLEMS * N

        done = harness(*arguments)

    assert done.returncode == 0, done.stderr
    rows = read_rows(tmp_path / "run" / "samples.jsonl")
    expected = {(f"HumanEval/{number}", index) for number in range(PROBLEMS) for index in range(N)}
    assert Counter((row["task_id"], row["index"]) for row in rows) == dict.fromkeys(expected, 1)
    verdicts = read_rows(tmp_path / "run" / "verdicts.jsonl")
    assert Counter((row["task_id"], row["index"]) for row in verdicts) == dict.fromkeys(expected, 1)
    for row in rows:
        assert row["seed"] == derive_seed(0, "humaneval", row["task_id"]) + row["index"]
        # The server answers with the seed it was sent: the recorded one is the one that was used.
        assert row["raw"] == f"    return {row['seed']}\n"
    assert "pass@1 " in done.stdout
    assert "pass@10 " in done.stdout
