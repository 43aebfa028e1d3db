"""`--replicas N` without a cluster: engines side by side on this machine, by a Ray of the command's own."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.conftest import last_session
from tests.commands import harness, one_line_error, read_rows, start, wait_for_rows

pytestmark = [pytest.mark.cluster, pytest.mark.slow]
TWO = ("--replicas", "2")


def command(checkpoint: Path, out: Path, *more: str) -> list[str]:
    return [
        *("run", str(checkpoint), "-b", "humaneval", "-r", "completion", "--limit", "24", "--max-tokens", "24"),
        *("--backend", "transformers", "--dtype", "float32", "--batch-size", "2", "--sandbox", "process"),
        *("--no-verify", "--no-page", "--out", str(out), *more),
    ]


def answers(out: Path) -> dict[str, Any]:
    """By task; fails where one was stored twice."""
    rows = read_rows(out / "samples.jsonl")
    found = {row["task_id"]: (row["raw"], row["completion_tokens"]) for row in rows}
    assert len(found) == len(rows) == len(read_rows(out / "verdicts.jsonl"))
    return found


def test_two_engines_answer_as_one_does(tmp_path: Path, tiny_llama: Path) -> None:
    """Greedy, the same texts; a run that was killed is completed, by one engine too; Ray is gone with the command.

    It leaves no token behind, which every cluster that is started later would ask for.
    """
    token = Path.home() / ".ray" / "auth_token"
    before = token.exists()
    assert harness(*command(tiny_llama, tmp_path / "one")).returncode == 0
    whole = answers(tmp_path / "one")
    # Ray's own variable would lead to a cluster.
    elsewhere = {**os.environ, "RAY_ADDRESS": "127.0.0.1:9"}
    done = harness(*command(tiny_llama, tmp_path / "two", *TWO), environment=elsewhere)
    killed = start(*command(tiny_llama, tmp_path / "killed", *TWO))
    wait_for_rows(tmp_path / "killed" / "samples.jsonl", 4, killed)
    os.killpg(killed.pid, signal.SIGKILL)
    killed.communicate()
    again = harness(*command(tiny_llama, tmp_path / "killed"))

    assert done.returncode == again.returncode == 0, done.stderr + again.stderr
    assert token.exists() is before
    assert len(whole) == 24
    assert answers(tmp_path / "two") == answers(tmp_path / "killed") == whole
    facts = json.loads((tmp_path / "two" / "run.json").read_text())["model"]
    assert facts["replicas"] == 2
    told = last_session(tmp_path / "two")["cluster"]
    assert told["address"] == "this machine"
    assert len(told["nodes"]) == 1


def test_too_few_gpus_are_one_line(tmp_path: Path, tiny_llama: Path) -> None:
    """What is asked, and what there is."""
    done = harness(
        *command(tiny_llama, tmp_path / "run", *TWO, "--replica-gpus", "1"),
        environment={**os.environ, "CUDA_VISIBLE_DEVICES": ""},
    )

    assert done.returncode == 3
    assert "a replica needs 1 GPU and this machine has no GPU" in one_line_error(done)
    assert not (tmp_path / "run").exists()


def test_without_ray_the_extra_is_named(tmp_path: Path, tiny_llama: Path) -> None:
    """And one replica needs none."""
    (tmp_path / "ray.py").write_text("raise ImportError(\"No module named 'ray'\")\n", encoding="utf-8")
    lacking = {**os.environ, "PYTHONPATH": str(tmp_path)}

    done = harness(*command(tiny_llama, tmp_path / "two", *TWO), environment=lacking)
    one = harness(*command(tiny_llama, tmp_path / "one", "--replicas", "1", "--limit", "1"), environment=lacking)

    assert done.returncode == 2
    assert "--replicas needs Ray" in one_line_error(done)
    assert "[cluster]" in one_line_error(done)
    assert one.returncode == 0, one.stderr
