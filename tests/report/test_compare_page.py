"""compare.html in a real browser: flips filter and open to a side-by-side diff; nothing leaves the file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from harness.compare import compare
from harness.compare.page import align_lines, write_page
from tests.runs import outcomes, write_run

if TYPE_CHECKING:
    from playwright.sync_api import Page

Open = Callable[..., "Page"]


@pytest.fixture(scope="module")
def page_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two lost and three gained of twelve."""
    tmp_path = tmp_path_factory.mktemp("compare")
    first = write_run(tmp_path / "a", outcomes(range(6), n=12), model="base", code="    x = 1\n    return x\n")
    second = write_run(tmp_path / "b", outcomes(range(2, 9), n=12), model="tuned", code="    x = 1\n    return 2 * x\n")
    write_page(compare([first, second]), tmp_path / "compare.html")
    return tmp_path / "compare.html"


def tasks(page: Page) -> list[str]:
    return [row.get_attribute("data-task") or "" for row in page.locator("tr.problem").all()]


@pytest.mark.browser
def test_flips_filter_by_kind_and_text(opened: Open, page_file: Path) -> None:
    """Lost first, then gained."""
    page = opened(page_file)
    assert tasks(page) == [f"HumanEval/{at}" for at in (0, 1, 6, 7, 8)]

    page.get_by_label("Filter by kind").select_option("gained")
    assert tasks(page) == ["HumanEval/6", "HumanEval/7", "HumanEval/8"]
    page.get_by_label("Filter by task or text").fill("/7")
    assert tasks(page) == ["HumanEval/7"]


@pytest.mark.browser
@pytest.mark.parametrize("width", [390, 1280])
def test_a_flip_opens_to_both_programs_and_the_failing_test(opened: Open, page_file: Path, width: int) -> None:
    """The changed line is marked on both sides; the page stays as wide as the window."""
    page = opened(page_file, width=width, scheme="dark")
    page.locator("tr.problem[data-task='HumanEval/1']").click()
    detail = page.locator("tr.detail")
    detail.locator("table.diff").wait_for()

    assert "f(1): expected 2, got 3" in detail.inner_text()
    assert detail.locator("td.gone").all_inner_texts() == ["    return x"]
    assert detail.locator("td.new").all_inner_texts() == ["    return 2 * x"]
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_lines_that_changed_stand_beside_each_other() -> None:
    """With the numbers of their own side."""
    assert align_lines("a\nb\nc", "a\nB\nc\nd") == [
        (1, "a", 1, "a", ""),
        (2, "b", 2, "B", "changed"),
        (3, "c", 3, "c", ""),
        (None, "", 4, "d", "new"),
    ]


def test_checkpoints_of_one_fine_tune_get_a_curve(tmp_path: Path) -> None:
    """In the order of their steps, whatever order they are named in; other names get none."""
    passed = {"run/checkpoint-100": 4, "run/checkpoint-20": 2, "run/checkpoint-300": 6}
    paths = [write_run(tmp_path / name, outcomes(range(n), n=8), model=name) for name, n in passed.items()]
    write_page(compare(paths), tmp_path / "steps.html")
    write_page(compare(paths[:2]), tmp_path / "two.html")

    text = (tmp_path / "steps.html").read_text()
    assert "over checkpoints" in text
    curve = text[text.index("over checkpoints") :]
    steps = [curve.index(f">checkpoint-{step}<") for step in (20, 100, 300)]
    assert steps == sorted(steps)
    assert "over checkpoints" not in (tmp_path / "two.html").read_text()


def test_any_name_can_be_plotted(tmp_path: Path) -> None:
    """Dollars are no formula, and markup stays text."""
    names = ("$x^2", "<b>$\\frac$&")
    paths = [write_run(tmp_path / str(at), outcomes([at], n=2), model=name) for at, name in enumerate(names)]
    write_page(compare(paths), tmp_path / "names.html")

    page = (tmp_path / "names.html").read_text()
    assert ">$x^2<" in page
    assert "&lt;b&gt;$" in page
    assert "<b>$" not in page
