"""One table of a folder's runs, with comparable ones alone below each other."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pandas as pd

from harness import report
from harness.report.leaderboard import build_leaderboard, write_leaderboard
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


def test_the_page_is_models_by_benchmarks(tmp_path: Path) -> None:
    """A model's runs on two benchmarks share a row, with links to their pages; published figures stand apart."""
    write_run(tmp_path / "r" / "a", outcomes(range(80)), model="models/one")
    write_run(tmp_path / "r" / "b", outcomes(range(70)), model="models/two")
    write_run(tmp_path / "r" / "again", outcomes(range(60)), model="models/two")
    other = write_run(tmp_path / "r" / "c", outcomes(range(10), n=20), model="models/one", benchmark="mbpp")
    report.write_page(other)

    write_leaderboard(build_leaderboard(tmp_path / "r"), tmp_path / "board")

    page = (tmp_path / "board" / "leaderboard.html").read_text()
    table = page[page.index("<table>") : page.index("</table>")]
    rows = [re.findall(r'<strong>(.*?)</strong>|data-value="(\d+\.\d)"', row) for row in table.split("<tr>")[2:]]
    assert [[name or figure for name, figure in row] for row in rows] == [
        ["one", "48.8", "50.0"],
        ["two", "42.7"],
        ["two", "36.6"],
    ]
    assert 'href="../r/c/report.html"' in table
    published = page[page.index("<details>") :]
    assert "WizardCoder-15B-V1.0" in published
    assert "WizardCoder" not in page[: page.index("<details>")]


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
