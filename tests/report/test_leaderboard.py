"""One table of a folder's runs, with comparable ones alone below each other."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd

from harness.report.leaderboard import build_leaderboard
from tests.commands import harness, one_line_error
from tests.runs import outcomes, write_run


def test_runs_are_grouped_by_comparable_configuration_best_first(tmp_path: Path) -> None:
    """Another recipe or temperature is a group of its own; a damaged run is named, not fatal."""
    write_run(tmp_path / "r" / "a", outcomes(range(80)), model="a")
    write_run(tmp_path / "r" / "deep" / "b", outcomes(range(90)), model="b")
    write_run(tmp_path / "r" / "c", outcomes(range(99)), model="c", recipe="chat")
    write_run(tmp_path / "r" / "d", outcomes(range(99)), model="d|e", n=2)
    (tmp_path / "r" / "broken").mkdir()
    (tmp_path / "r" / "broken" / "run.json").write_text("{")

    done = harness("leaderboard", tmp_path / "r", "--out", tmp_path / "board")

    assert done.returncode == 0, done.stderr
    table = pd.read_csv(tmp_path / "board" / "leaderboard.csv")
    assert [group["model"].tolist() for _, group in table.groupby("group", sort=False)] == [["c"], ["d|e", "b", "a"]]
    assert table["complete"].tolist() == [True, False, True, True]
    assert "d\\|e (unfinished)" in done.stdout
    assert "not read:" in done.stdout
    page = (tmp_path / "board" / "leaderboard.html").read_text()
    assert page.count("<h2>") == 2


def test_repetitions_are_no_models_of_their_own(tmp_path: Path) -> None:
    """They tell how much chance there is in a run, which alone is listed."""
    run = write_run(tmp_path / "r" / "a", outcomes(range(80)), model="a")
    inner = write_run(run / "repeat-1", outcomes(range(81)), model="a")
    manifest = json.loads((inner / "run.json").read_text())
    manifest["identity"]["order"] = 1
    (inner / "run.json").write_text(json.dumps(manifest))

    assert build_leaderboard(tmp_path / "r").table["run"].tolist() == [str(run)]


def test_a_folder_without_runs_is_said(tmp_path: Path) -> None:
    """Exit 2."""
    done = harness("leaderboard", tmp_path)

    assert done.returncode == 2
    assert "holds no run with a score" in one_line_error(done)
