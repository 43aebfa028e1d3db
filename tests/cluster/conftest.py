"""A cluster of two nodes that most tests share, and what an undisturbed run of their samples comes to."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from harness.benchmarks.humaneval import HumanEval
from tests.cluster.nodes import LocalCluster
from tests.commands import harness, read_rows, write_rows

COUNT = 80
SLOW = "import time as _time\n_time.sleep(0.1)\n"
"""Before every program, so that a run lasts long enough to be disturbed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Undisturbed:
    """A run on one machine without Ray."""

    file: Path
    statuses: dict[str, str]
    scores: Any

    def check(self, out: Path) -> None:
        """The run in `out` came to the same, each sample judged once."""
        assert statuses(out) == self.statuses
        assert json.loads((out / "scores.json").read_text())["scores"] == self.scores


def statuses(out: Path) -> dict[str, str]:
    """By task; fails where a sample was judged twice for good or not at all."""
    rows = [row for row in read_rows(out / "verdicts.jsonl") if row["status"] != "infrastructure"]
    assert set(Counter(row["task_id"] for row in rows).values()) == {1}
    assert len(rows) == len(read_rows(out / "samples.jsonl")) == COUNT
    return {row["task_id"]: row["status"] for row in rows}


def last_session(out: Path) -> dict[str, Any]:
    """What the last start in a run folder recorded."""
    session: dict[str, Any] = json.loads((out / "run.json").read_text())["sessions"][-1]
    return session


def replay(file: Path, out: Path, sandbox: str, *more: str, delay_s: float = 0.0) -> list[str]:
    """The command that replays `file`."""
    own = ["--sandbox", sandbox, "--no-cache", "--no-page", "--no-verify", "--limit", str(COUNT)]
    return ["run", f"replay:{file}?delay_s={delay_s}", "-b", "humaneval", *own, *more, "--out", str(out)]


@pytest.fixture(scope="package")
def cluster() -> Iterator[LocalCluster]:
    """Two nodes of one CPU each, without Docker; ended with these tests, as they are never idle."""
    none = {"DOCKER_HOST": "unix:///nonexistent/docker.sock"}
    with LocalCluster(environment=none) as made:
        made.add("second", environment=none)
        yield made


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    """Right and wrong solutions by turns, and what they come to."""
    folder = tmp_path_factory.mktemp("undisturbed")
    rows = []
    for number, problem in enumerate(HumanEval().problems()[:COUNT]):
        body = problem.reference if number % 3 else "    return 'wrong'\n"
        rows.append({"task_id": problem.task_id, "solution": SLOW + problem.prompt + body})
    file = write_rows(folder / "s.jsonl", rows)
    out = folder / "run"
    done = harness(*replay(file, out, "process"))
    assert done.returncode == 0, done.stderr
    scores = json.loads((out / "scores.json").read_text())["scores"]
    return Undisturbed(file=file, statuses=statuses(out), scores=scores)
