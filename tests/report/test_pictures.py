"""Pictures for papers and cards: each as PNG, SVG and PDF."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from xml.etree import ElementTree

import matplotlib.image
import pytest

from harness.compare import compare
from harness.compare.writing import write_comparison
from harness.report.leaderboard import build_leaderboard, write_leaderboard
from harness.types import Status
from tests.runs import write_run

KEPT = Path(__file__).parent.parent.parent / "results" / "baselines" / "quickstart"


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """The kept run under two names, one of them dearer."""
    for name, price in (("cheap", [1, 2]), ("dear/$5", [10, 20])):
        run = shutil.copytree(KEPT, tmp_path / "runs" / name)
        manifest = json.loads((run / "run.json").read_text())
        manifest["config"] |= {"price": price, "model": name}
        (run / "run.json").write_text(json.dumps(manifest))
    return tmp_path / "runs"


def check_pictures(folder: Path) -> set[str]:
    """Check that each picture is whole in each format; return their names."""
    names = {path.stem for path in folder.iterdir()}
    for name in names:
        assert matplotlib.image.imread(folder / f"{name}.png").std() > 0
        assert ElementTree.parse(folder / f"{name}.svg").getroot().tag.endswith("svg")
        pdf = (folder / f"{name}.pdf").read_bytes()
        assert pdf.startswith(b"%PDF") and pdf.rstrip().endswith(b"%%EOF")
    return names


def test_a_board_is_drawn_by_score_and_by_cost(runs: Path, tmp_path: Path) -> None:
    write_leaderboard(build_leaderboard(runs), tmp_path / "board")

    how = "recipe-chat-greedy-512-tokens"
    names = check_pictures(tmp_path / "board" / "plots")
    assert names == {f"humaneval-pass@1-{how}", f"humaneval-pass@1-by-cost-{how}"}
    page = (tmp_path / "board" / "leaderboard.html").read_text()
    assert "humaneval pass@1 by cost: " in page
    assert "in the currency of --price" in page


def test_without_prices_there_is_no_cost_to_draw(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_run(tmp_path / "runs" / name, {f"T/{at}": [Status.PASSED] for at in range(3)}, model=name)

    write_leaderboard(build_leaderboard(tmp_path / "runs"), tmp_path / "board")

    assert check_pictures(tmp_path / "board" / "plots") == {"humaneval-pass@1-recipe-completion-greedy"}


def test_runs_of_several_samples_are_compared_over_k(tmp_path: Path) -> None:
    for name, passed in (("a", 1), ("b", 3)):
        statuses = [Status.PASSED] * passed + [Status.TIMEOUT] * (5 - passed)
        write_run(tmp_path / name, {f"T/{at}": statuses for at in range(4)}, model=name)

    write_comparison(compare([tmp_path / "a", tmp_path / "b"]), tmp_path / "out")

    names = check_pictures(tmp_path / "out" / "plots")
    assert names == {"humaneval-pass@1", "humaneval-pass@k-with-its-95-band", "humaneval-who-solves-what"}
