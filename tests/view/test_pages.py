"""The viewer in a real browser: every page, the walk from the board to a comparison, and accessibility."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

from tests.commands import harness
from tests.runs import FAILED, outcomes, write_run

from .conftest import viewing

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser
Open = Callable[..., "Page"]
PAGES = {
    "board": "",
    "run": "run?run=deep%2Fc",
    "problem": "problem?run=a&run=b&benchmark=humaneval&task=HumanEval/1",
    "comparison": "compare?run=a&run=b",
}
READY = {
    "board": ".board tbody tr",
    "run": "#about table",
    "problem": "#difference table",
    "comparison": "#table tbody tr",
}


def test_the_walk_from_the_board_to_a_comparison(opened: Open, viewer: str) -> None:
    """Board, run, problem, the same problem of another model, comparison, and a flip back to the problem."""
    page = opened(viewer)
    page.get_by_role("link", name="50.0").click()
    page.locator("#cards b").get_by_text("50.0 %").wait_for()
    assert page.locator("h1").inner_text() == "base-7b"

    page.locator("tr.problem[data-task='HumanEval/1']").click()
    page.locator("tr.detail pre.hl").first.wait_for()
    page.get_by_role("link", name="All samples, beside other models").click()
    page.locator("#runs pre.hl").first.wait_for()
    assert "has_close" not in page.locator("h1").inner_text()
    assert "separate_paren_groups" in page.locator("h1").inner_text()

    page.get_by_label("Add another run").select_option("b")
    page.locator("#difference td.new").wait_for()
    assert page.locator("#difference td.gone").all_inner_texts() == ["    return x"]
    assert page.locator("#difference td.new").all_inner_texts() == ["    return 2 * x"]
    assert "f(1): expected 2, got 3" in page.locator("#runs > div").nth(1).inner_text()

    page.get_by_role("link", name="Compare these runs").click()
    page.locator("#table tbody tr").first.wait_for()
    assert "tuned-7b, humaneval: this comparison" in page.locator("#comparison").inner_text()
    assert [row.get_attribute("data-task") for row in page.locator("tr.problem").all()] == [
        f"HumanEval/{at}" for at in (0, 1, 6, 7, 8)
    ]
    page.get_by_role("link", name="HumanEval/7").click()
    page.locator("#difference table").wait_for()


def test_the_board_sorts_filters_and_compares_two(opened: Open, viewer: str) -> None:
    """Best first; a third cannot be chosen; two of different configurations are compared with a warning."""
    page = opened(viewer)
    table = page.locator(".board", has_text="completion, greedy")
    assert [text.split("\n")[0] for text in table.locator("tbody strong").all_inner_texts()] == ["tuned-7b", "base-7b"]
    table.get_by_role("button", name="Model").click()
    assert table.locator("tbody strong").all_inner_texts() == ["base-7b", "tuned-7b"]
    table.get_by_role("button", name="humaneval pass@1").click()
    assert table.locator("tbody strong").all_inner_texts() == ["tuned-7b", "base-7b"]

    page.get_by_label("Filter by model").fill("sampled")
    assert page.locator(".board tbody tr:visible").count() == 1
    assert page.locator("#shown").inner_text() == "1 of 3 models"
    page.get_by_label("Filter by model").fill("")

    page.get_by_label("Choose tuned-7b, b").check()
    assert page.get_by_role("button", name="Compare two").is_disabled()
    page.get_by_label("Choose sampled-1b, deep/c").check()
    assert page.get_by_label("Choose base-7b, a").is_disabled()
    page.get_by_role("button", name="Compare two").click()
    page.locator("#table tbody tr").first.wait_for()
    assert "Not comparable" in page.get_by_label("Alarms").last.inner_text()


def test_a_sample_is_chosen_by_its_chip(opened: Open, viewer: str) -> None:
    """The first that failed is shown; the reasoning, if there is any, is folded."""
    page = opened(viewer + PAGES["run"])
    page.locator("tr.problem[data-task='HumanEval/3']").click()
    detail = page.locator("tr.detail")
    detail.locator("pre.hl").first.wait_for()
    assert "return 1" in detail.locator("pre.hl").first.inner_text()
    detail.get_by_label("sample 0, passed").click()
    detail.get_by_text("passed", exact=True).wait_for()
    assert "return 0" in detail.locator("pre.hl").first.inner_text()


@pytest.mark.parametrize(("width", "scheme"), [(390, "dark"), (1280, "light")])
@pytest.mark.parametrize("name", PAGES)
def test_pages_fit_their_window_and_are_accessible(
    browser: Browser, viewer: str, axe: str, name: str, width: int, scheme: str
) -> None:
    """Nothing is wider than the window; axe-core finds nothing serious or critical, with a problem opened."""
    context = browser.new_context(
        viewport={"width": width, "height": 900},
        color_scheme=scheme,  # type: ignore[arg-type]
        bypass_csp=True,  # axe-core is no script of the page's
    )
    page = context.new_page()
    page.goto(viewer + PAGES[name])
    page.locator(READY[name]).first.wait_for()
    if name == "run":
        page.locator("tr.problem").first.click()
        page.locator("tr.detail pre").first.wait_for()
    room = page.evaluate("document.documentElement.scrollWidth")
    page.evaluate(axe)
    found = page.evaluate("axe.run()")["violations"]
    context.close()

    assert room <= width
    assert [(one["id"], one["nodes"][0]["html"]) for one in found if one["impact"] in ("serious", "critical")] == []


def test_what_models_and_names_hold_stays_text(opened: Open, tmp_path: Path) -> None:
    """Markup, escape sequences and control characters in a model's name, a folder's, code and details."""
    evil = "</script><script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">{index}"
    for name in ("a", "b<img src=x onerror=document.title='owned'>"):
        path = write_run(
            tmp_path / name, {"HumanEval/0": [FAILED]}, model=f"{evil}\x1b]0;PWNED\x07\u202e$x", code=evil, raw=evil
        )
        journal = path / "verdicts.jsonl"
        journal.write_text(journal.read_text().replace("expected 2", "</script><b>\\ud800\\u0000\\u001b[31m"))
    other = quote("b<img src=x onerror=document.title='owned'>")
    with viewing(tmp_path) as (url, _):
        for where, ready in (
            ("", ".board tbody tr"),
            (f"run?run={other}", "#about table"),
            (f"problem?run=a&run={other}&benchmark=humaneval&task=HumanEval/0", "#difference table"),
            (f"compare?run=a&run={other}", "#comparison table"),
        ):
            page = opened(url + where)
            page.locator(ready).first.wait_for()
            assert page.title() != "owned"
            assert page.locator("img, b:has-text('\\ud800')").count() == 0
            assert not set("\x1b\x07\u202e\x00") & set(page.locator("body").inner_text())


def test_programs_that_print_markup_run_nothing(opened: Open, tmp_path: Path) -> None:
    """Known attacks on reports, judged in a sandbox as any samples are."""
    file = Path(__file__).parent.parent / "attacks" / "samples" / "terminal-and-markdown-injection.jsonl"
    flags = ("-b", "humaneval", "--sandbox", "process", "--no-page", "--no-cache")
    done = harness("score", file, *flags, "--out", tmp_path / "results" / "attacked")
    assert done.returncode == 0, done.stderr
    with viewing(tmp_path / "results") as (url, _):
        for task in range(3):
            page = opened(f"{url}problem?run=attacked&benchmark=humaneval&task=HumanEval/{task}")
            page.locator("#runs pre.hl").first.wait_for()
            assert "XSS" not in page.title()
            assert page.locator("img").count() == 0
            assert not set("\x1b\x07\u202e\x9b") & set(page.locator("body").inner_text())
        page = opened(f"{url}run?run=attacked")
        page.locator("#about table").first.wait_for()
        assert "XSS" not in page.title()


def test_damaged_rows_are_named_and_the_rest_is_shown(opened: Open, tmp_path: Path) -> None:
    """File and line of each; the whole rows are there."""
    path = write_run(tmp_path / "a", outcomes(range(6), n=12))
    for name, text in (("samples.jsonl", "{broken\n"), ("verdicts.jsonl", '{"benchmark": "humaneval"}\n')):
        with (path / name).open("a") as journal:
            journal.write(text)
    with viewing(tmp_path) as (url, _):
        page = opened(f"{url}run?run=a")
        page.locator("tr.problem").first.wait_for()
        told = page.get_by_label("Alarms").inner_text()
        assert page.locator("tr.problem").count() == 12

    assert "samples.jsonl line 13 is damaged" in told
    assert "verdicts.jsonl line 13 is damaged and left out: it has no task_id" in told
