"""The store of outcomes: equal work is done once, and nothing that could come out otherwise is kept."""

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

from harness.errors import UsageError
from harness.sandboxes import open_sandbox
from harness.sandboxes.cache import FILE, judge_all, outcome_store
from harness.types import Key, Limits, Outcome, Sandbox, Status, Trust, Work
from tests.commands import harness, one_line_error, references

from .work import HONEST, work

WRONG = "def add_one(n):\n    return n\n"
SLEEPS = "import time\n\n\ndef add_one(n):\n    time.sleep(60)\n"


class Counting:
    """A sandbox that counts what it is asked to run; all else is the real one's."""

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

    def run(self, items: Iterable[Work]) -> Iterator[tuple[Key, Outcome]]:
        def counted() -> Iterator[Work]:
            for one in items:
                self.ran += 1
                yield one

        return self._real.run(counted())


@pytest.fixture
def counting(sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Counting:
    monkeypatch.setenv("HARNESS_CACHE_DIR", str(tmp_path / "cache"))
    return Counting(sandbox)


def judged(sandbox: Sandbox, items: list[Work]) -> tuple[list[tuple[Key, Outcome]], list[str]]:
    """Return keys and outcomes in order of the keys, and what was warned of."""
    warned: list[str] = []
    found: list[tuple[Key, Outcome]] = []
    with outcome_store(use=True, warn=warned.append) as store:
        judge_all(sandbox, items, store, lambda key, outcome: found.append((key, outcome)))
    return sorted(found, key=lambda pair: pair[0]), warned


def many(source: str, count: int = 20, index: int = 0, **changes: Any) -> list[Work]:
    return [work(source, key=(number, index), **changes) for number in range(count)]


def test_equal_work_is_done_once_in_a_run_and_across_runs(counting: Counting) -> None:
    """Each key gets its outcome all the same."""
    mixed = [one for pair in zip(many(HONEST), many(WRONG, index=1), strict=True) for one in pair]

    first, _ = judged(counting, mixed)
    again, warned = judged(counting, mixed)

    assert counting.ran == 2
    assert warned == []
    assert Counter((key, outcome.status) for key, outcome in first) == {
        ((number, index), status): 1
        for number in range(20)
        for index, status in enumerate((Status.PASSED, Status.WRONG_ANSWER))
    }
    assert first == again


@pytest.mark.parametrize(
    "other",
    [
        work(HONEST + "\n"),
        work(HONEST, limits=Limits(cpu_time_s=2)),
        (*work(HONEST)[:2], replace(work(HONEST)[2], tests="\nassert add_one(2) == 3\n")),  # type: ignore[call-arg]
    ],
)
def test_another_program_judge_or_limit_is_other_work(counting: Counting, other: Work) -> None:
    """It runs."""
    judged(counting, [work(HONEST)])
    judged(counting, [other])

    assert counting.ran == 2


def test_another_sandbox_has_other_outcomes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where an outcome is computed is part of its name."""
    monkeypatch.setenv("HARNESS_CACHE_DIR", str(tmp_path / "cache"))
    hits = []
    for trust in (Trust.SPLIT, Trust.IN_PROCESS, Trust.IN_PROCESS):
        with (
            open_sandbox("process", environment="core", workers=1, trust=trust) as opened,
            outcome_store(use=True, warn=print) as store,
        ):
            found: list[Status] = []
            hits.append(judge_all(opened, [work(HONEST)], store, lambda _, one, found=found: found.append(one.status)))  # type: ignore[misc]
            assert found == [Status.PASSED]

    assert hits == [0, 0, 1]


def test_a_time_out_is_never_kept(counting: Counting) -> None:
    """Three equals that sleep: each runs, and each runs again."""
    items = many(SLEEPS, 3, limits=Limits(wall_time_s=0.3))

    first, _ = judged(counting, items)
    judged(counting, items)

    assert [one.status for _, one in first] == [Status.TIMEOUT] * 3
    assert counting.ran == 6


def test_a_reader_that_stops_early_leaves_nothing_hanging(counting: Counting) -> None:
    """Equals that wait for an outcome are let go when whoever wants outcomes gives up."""

    def give_up(key: Key, outcome: Outcome) -> None:
        raise UsageError("enough")

    with outcome_store(use=True, warn=print) as store, pytest.raises(UsageError, match="enough"):
        judge_all(counting, many(HONEST, 200), store, give_up)

    found, _ = judged(counting, many(WRONG, 2))
    assert [one.status for _, one in found] == [Status.WRONG_ANSWER] * 2


@pytest.mark.parametrize("damage", ["no database", "cut off", "a folder", "overwritten pages"])
def test_a_damaged_file_is_said_and_done_without(counting: Counting, tmp_path: Path, damage: str) -> None:
    """Never a crash, never another verdict."""
    items = [work(HONEST + f"# {number}\n", key=number) for number in range(100)]
    judged(counting, items)
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

    found, warned = judged(counting, items)

    assert [one.status for _, one in found] == [Status.PASSED] * 100
    assert counting.ran > 100
    assert len(warned) == 1
    assert "going on without it" in warned[0]


def test_a_row_that_was_changed_is_not_believed(counting: Counting, tmp_path: Path) -> None:
    """A verdict whose digest does not fit is as good as none."""
    import sqlite3

    judged(counting, [work(WRONG)])
    database = sqlite3.connect(tmp_path / "cache" / FILE)
    with database:
        database.execute("UPDATE verdicts SET verdict = replace(verdict, 'wrong_answer', 'passed')")
    database.close()

    ((_, found),), _ = judged(counting, [work(WRONG)])

    assert found.status is Status.WRONG_ANSWER
    assert counting.ran == 2


def test_two_processes_share_the_file(tmp_path: Path) -> None:
    """Both write at once; afterwards nothing has to run."""
    code = """
import os, sys
from harness.errors import UsageError
from harness.sandboxes import open_sandbox
from harness.sandboxes.cache import judge_all, outcome_store
from tests.sandboxes.work import HONEST, work
warned, statuses = [], set()
with open_sandbox("process", environment="core", workers=1) as sandbox:
    with outcome_store(use=True, warn=warned.append) as store:
        items = (work(HONEST + f"# {n}\\n", key=n) for n in range(200))
        hits = judge_all(sandbox, items, store, lambda key, outcome: statuses.add(outcome.status.value))
        print(hits, statuses, warned)
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
