"""The verdict cache: equal trials run once, and nothing that could come out otherwise is kept."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.sandboxes import open_sandbox
from harness.sandboxes.cache import FILE, CachedSandbox, cached
from harness.types import Limits, Sandbox, Status, Trial, Trust, Verdict
from tests.commands import harness, one_line_error, references

from .trials import HONEST, trial

WRONG = "def add_one(n):\n    return n\n"
SLEEPS = "import time\n\n\ndef add_one(n):\n    time.sleep(60)\n"


class Counting:
    """A sandbox that counts what it is asked to run; all else is the real one's."""

    passes_verdicts = True

    def __init__(self, real: Sandbox) -> None:
        self.name = real.name
        self.ran = 0
        self._real = real

    def __enter__(self) -> Counting:
        return self

    def __exit__(self, *exc: object) -> None:
        pass

    def describe(self) -> Any:
        return self._real.describe()

    def run(self, trials: Iterable[Trial]) -> Iterator[Verdict]:
        def counted() -> Iterator[Trial]:
            for one in trials:
                self.ran += isinstance(one, Trial)
                yield one

        return self._real.run(counted())


@pytest.fixture
def counting(sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Counting:
    monkeypatch.setenv("HARNESS_CACHE_DIR", str(tmp_path / "cache"))
    return Counting(sandbox)


def judged(sandbox: Sandbox, trials: list[Trial]) -> tuple[list[Verdict], list[str]]:
    """The verdicts in order of their task ids, and what was warned of."""
    warned: list[str] = []
    with cached(sandbox, use=True, warn=warned.append) as runner:
        found = sorted(runner.run(trials), key=lambda verdict: verdict.task_id)
    return found, warned


def many(source: str, count: int = 20, **changes: Any) -> list[Trial]:
    return [trial(source, task_id=f"toy/{number:02}", **changes) for number in range(count)]


def test_equal_trials_run_once_in_a_run_and_across_runs(counting: Counting) -> None:
    """Each gets its own verdict all the same."""
    mixed = [one for pair in zip(many(HONEST), many(WRONG), strict=True) for one in pair]
    mixed = [replace(one, index=index % 2) for index, one in enumerate(mixed)]

    first, _ = judged(counting, mixed)
    again, warned = judged(counting, mixed)

    assert counting.ran == 2
    assert warned == []
    assert Counter((one.task_id, one.index, one.status) for one in first) == {
        (f"toy/{number:02}", index, status): 1
        for number in range(20)
        for index, status in enumerate((Status.PASSED, Status.WRONG_ANSWER))
    }
    assert sorted(map(repr, first)) == sorted(map(repr, again))


@pytest.mark.parametrize(
    "other",
    [
        trial(HONEST + "\n"),
        trial(HONEST, limits=Limits(cpu_time_s=2)),
        replace(trial(HONEST), judge=replace(trial(HONEST).judge, tests="\nassert add_one(2) == 3\n")),  # type: ignore[arg-type]
    ],
)
def test_another_program_judge_or_limit_is_another_trial(counting: Counting, other: Trial) -> None:
    """It runs."""
    judged(counting, [trial(HONEST)])
    judged(counting, [other])

    assert counting.ran == 2


def test_another_sandbox_has_other_verdicts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a verdict is computed is part of its name."""
    monkeypatch.setenv("HARNESS_CACHE_DIR", str(tmp_path / "cache"))
    hits = []
    for trust in (Trust.SPLIT, Trust.IN_PROCESS, Trust.IN_PROCESS):
        with (
            open_sandbox("process", environment="core", workers=1, trust=trust) as opened,
            cached(opened, use=True, warn=print) as runner,
        ):
            assert isinstance(runner, CachedSandbox)
            assert [one.status for one in runner.run([trial(HONEST)])] == [Status.PASSED]
            hits.append(runner.hits)

    assert hits == [0, 0, 1]


def test_a_time_out_is_never_kept(counting: Counting) -> None:
    """Three equals that sleep: each runs, and each runs again."""
    trials = many(SLEEPS, 3, limits=Limits(wall_time_s=0.3))

    first, _ = judged(counting, trials)
    judged(counting, trials)

    assert [one.status for one in first] == [Status.TIMEOUT] * 3
    assert counting.ran == 6


def test_a_reader_that_stops_early_leaves_nothing_hanging(counting: Counting) -> None:
    """Equals that wait for a verdict are let go when nobody reads any more."""
    with cached(counting, use=True, warn=print) as runner:
        verdicts = runner.run(many(HONEST, 200))
        next(verdicts)
        verdicts.close()  # type: ignore[attr-defined]

    found, _ = judged(counting, many(WRONG, 2))
    assert [one.status for one in found] == [Status.WRONG_ANSWER] * 2


@pytest.mark.parametrize("damage", ["no database", "cut off", "a folder", "overwritten pages"])
def test_a_damaged_file_is_said_and_done_without(counting: Counting, tmp_path: Path, damage: str) -> None:
    """Never a crash, never another verdict."""
    trials = [one for number in range(100) for one in many(HONEST + f"# {number}\n", 1)]
    judged(counting, trials)
    file = tmp_path / "cache" / FILE
    data = file.read_bytes()
    if damage == "a folder":
        file.unlink()
        file.mkdir()
    else:
        middle = len(data) // 2
        file.write_bytes(
            {
                "no database": b"these are no pages" * 1000,
                "cut off": data[: len(data) // 2 + 100],
                "overwritten pages": data[: middle // 2] + b"\xa5" * middle + data[middle // 2 + middle :],
            }[damage]
        )

    found, warned = judged(counting, trials)

    assert [one.status for one in found] == [Status.PASSED] * 100
    assert counting.ran > 100
    assert len(warned) == 1
    assert "going on without it" in warned[0]


def test_a_row_that_was_changed_is_not_believed(counting: Counting, tmp_path: Path) -> None:
    """A verdict whose digest does not fit is as good as none."""
    import sqlite3

    judged(counting, [trial(WRONG)])
    database = sqlite3.connect(tmp_path / "cache" / FILE)
    with database:
        database.execute("UPDATE verdicts SET verdict = replace(verdict, 'wrong_answer', 'passed')")
    database.close()

    (found,), _ = judged(counting, [trial(WRONG)])

    assert found.status is Status.WRONG_ANSWER
    assert counting.ran == 2


def test_two_processes_share_the_file(tmp_path: Path) -> None:
    """Both write at once; afterwards nothing has to run."""
    code = """
import os, sys
from harness.sandboxes import open_sandbox
from harness.sandboxes.cache import cached
from tests.sandboxes.trials import HONEST, trial
warned = []
with open_sandbox("process", environment="core", workers=1) as sandbox:
    with cached(sandbox, use=True, warn=warned.append) as runner:
        statuses = {one.status.value for one in runner.run(trial(HONEST + f"# {n}\\n") for n in range(200))}
        print(runner.hits, statuses, warned)
"""
    environment = {"HARNESS_CACHE_DIR": str(tmp_path), "PATH": "/usr/bin:/bin"}
    root = Path(__file__).parents[2]

    def begin() -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, cwd=root, env=environment
        )

    told = [process.communicate(timeout=60)[0] for process in [begin(), begin()]]
    after = begin().communicate(timeout=60)[0]

    assert [line.split(maxsplit=1)[1] for line in told] == ["{'passed'} []\n"] * 2
    assert after == "200 {'passed'} []\n"


def test_a_run_says_how_many_verdicts_it_did_not_compute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On the card and in the manifest; --no-cache computes all; both are the same run."""
    monkeypatch.setenv("HARNESS_CACHE_DIR", str(tmp_path / "cache"))
    file = references(tmp_path / "s.jsonl", samples=3)
    run = ["run", f"replay:{file}", "-b", "humaneval", "--sandbox", "process", "--no-verify", "--limit", "4"]

    first = harness(*run, "-n", "2", "--out", tmp_path / "a")
    more = harness(*run, "-n", "3", "--out", tmp_path / "a")
    without = harness(*run, "-n", "3", "--out", tmp_path / "b", "--no-cache")
    extended = harness(*run, "-n", "3", "--out", tmp_path / "a", "--no-cache")

    assert [one.returncode for one in (first, more, without, extended)] == [0] * 4, [first, more, without, extended]
    assert "cached 4 verdicts are those of equal programs" in " ".join(first.stdout.split())
    assert "cached" not in without.stdout
    sessions = json.loads((tmp_path / "a" / "run.json").read_text())["sessions"]
    assert [(session["judged"], session["cached"]) for session in sessions] == [(8, 4), (4, 4), (0, 0)]


def test_verify_does_not_ask_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is the sandbox that is verified."""
    monkeypatch.setenv("HARNESS_CACHE_DIR", str(tmp_path / "cache"))

    done = harness("verify", "humaneval", "--sandbox", "process")

    assert done.returncode == 0, one_line_error(done)
    assert not (tmp_path / "cache" / FILE).exists()
