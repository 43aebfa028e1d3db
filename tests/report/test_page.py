"""report.html in a real browser: sort, filter, open; light and dark, desktop and phone; nothing leaves the file."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from harness import report
from harness.types import Status
from tests.commands import read_rows, write_rows
from tests.runs import FAILED, PASSED, outcomes, write_run

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser
Open = Callable[..., "Page"]
HOSTILE = "</script><script>document.title = 'owned'</script><img src=x onerror=\"document.title = 'owned'\">{index}"


@pytest.fixture(scope="module")
def page_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three samples of each of 12 problems; problem 5 has none that passes, problem 7 times out."""
    found = {f"HumanEval/{at}": [PASSED, PASSED, FAILED] for at in range(12)}
    found["HumanEval/5"] = [FAILED] * 3
    found["HumanEval/7"] = [PASSED, Status.TIMEOUT, Status.TIMEOUT]
    return report.write_page(write_run(tmp_path_factory.mktemp("page") / "run", found, temperature=0.8))


def tasks(page: Page) -> list[str]:
    """The shown problems, in order."""
    return [row.get_attribute("data-task") or "" for row in page.locator("tr.problem").all()]


def test_the_table_sorts_by_a_click_on_its_heads(opened: Open, page_file: Path) -> None:
    """Up, then down; the head says so to screen readers."""
    page = opened(page_file)
    assert tasks(page)[:3] == ["HumanEval/0", "HumanEval/1", "HumanEval/2"]

    page.get_by_role("button", name="Passed").click()
    assert tasks(page)[:2] == ["HumanEval/5", "HumanEval/7"]
    page.get_by_role("button", name="Passed").click()
    assert tasks(page)[-1] == "HumanEval/5"
    assert page.locator("th[data-key=share]").get_attribute("aria-sort") == "descending"


def test_the_table_filters_by_status_and_text(opened: Open, page_file: Path) -> None:
    """Both together; the number of problems is told."""
    page = opened(page_file)

    page.get_by_label("Filter by status").select_option("timeout")
    assert tasks(page) == ["HumanEval/7"]
    page.get_by_label("Filter by status").select_option("")
    page.get_by_label("Filter by task or text").fill("humaneval/1")
    assert tasks(page) == ["HumanEval/1", "HumanEval/10", "HumanEval/11"]
    assert page.locator("#shown").inner_text() == "3 of 12 problems"


def test_the_table_filters_by_benchmark(opened: Open, page_file: Path, tmp_path: Path) -> None:
    """A run in several languages has a benchmark for each; a run of one has no such filter."""
    run = write_run(tmp_path / "run", outcomes([0], n=2), benchmark="multipl-e-js")
    for name in ("samples.jsonl", "verdicts.jsonl"):
        rows = read_rows(run / name)
        write_rows(run / name, [*rows, *({**row, "benchmark": "multipl-e-lua"} for row in rows)])
    manifest = json.loads((run / "run.json").read_text())
    for part in (manifest["tasks"], *(manifest["identity"][key] for key in ("benchmarks", "recipe", "extraction"))):
        part["multipl-e-lua"] = part["multipl-e-js"]
    (run / "run.json").write_text(json.dumps(manifest))

    page = opened(report.write_page(run))
    assert len(tasks(page)) == 4
    page.get_by_label("Filter by benchmark").select_option("multipl-e-lua")
    assert tasks(page) == ["HumanEval/0", "HumanEval/1"]
    assert page.locator("#shown").inner_text() == "2 of 4 problems"

    assert opened(page_file).get_by_label("Filter by benchmark").is_hidden()


def test_a_problem_opens_to_what_failed_code_and_raw_text(opened: Open, page_file: Path) -> None:
    """On the first sample that failed; another is one click away; a second click closes it."""
    page = opened(page_file)
    row = page.locator("tr.problem[data-task='HumanEval/3']")
    row.click()
    detail = page.locator("tr.detail")
    detail.locator("pre").first.wait_for()

    assert "f(1): expected 2, got 3" in detail.inner_text()
    assert "return 2" in detail.locator("pre.hl").first.inner_text()
    assert detail.locator("pre.hl span.k").first.inner_text() == "return"
    detail.get_by_label("sample 0, passed").click()
    assert "expected 2" not in detail.inner_text()
    assert "return 0" in detail.locator("pre.hl").first.inner_text()
    row.click()
    assert page.locator("tr.detail").count() == 0


def test_a_problem_opens_from_the_keyboard(opened: Open, page_file: Path) -> None:
    """The task's name is a button that says whether it is open."""
    page = opened(page_file)
    button = page.get_by_role("button", name="HumanEval/3", exact=True)
    button.focus()
    page.keyboard.press("Enter")

    page.wait_for_selector("tr.detail pre")
    assert button.get_attribute("aria-expanded") == "true"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_is_wider_than_the_window_and_text_is_readable(
    opened: Open, page_file: Path, width: int, scheme: str
) -> None:
    """Ink and paper follow the system's scheme, plots included."""
    page = opened(page_file, width=width, scheme=scheme)
    page.locator("tr.problem").first.click()
    page.wait_for_selector("tr.detail pre")

    assert page.evaluate("document.documentElement.scrollWidth") <= width
    ink, paper = (page.evaluate(f"getComputedStyle(document.body).{name}") for name in ("color", "backgroundColor"))
    assert (brightness(ink) > 200) == (scheme == "dark")
    assert (brightness(paper) < 60) == (scheme == "dark")
    assert page.evaluate("getComputedStyle(document.querySelector('figure svg text')).fill") == ink


def brightness(colour: str) -> float:
    """Of "rgb(r, g, b)", from 0 to 255."""
    return sum(map(float, colour.removeprefix("rgb(").removesuffix(")").split(","))) / 3


def test_what_a_model_wrote_stays_text(opened: Open, tmp_path: Path) -> None:
    """Markup, surrogates and control characters in completion, code and detail."""
    path = write_run(tmp_path / "run", {"HumanEval/0": [FAILED]}, code=HOSTILE, raw=HOSTILE + "\ud800\x00")
    journal = path / "verdicts.jsonl"
    journal.write_text(journal.read_text().replace("expected 2", "</script><b>\\ud800\\u0000"))
    page = opened(report.write_page(path))
    page.locator("tr.problem").click()
    page.wait_for_selector("tr.detail pre")

    assert page.title() == "m"
    assert page.locator("tr.detail img").count() == 0
    assert "onerror" in page.locator("tr.detail").inner_text()


def test_alarms_are_shown(opened: Open, tmp_path: Path) -> None:
    """How much an unfinished run lacks; that samples could not be judged."""
    found = {**outcomes(range(3), n=5), "HumanEval/4": [Status.INFRASTRUCTURE]}
    page = opened(report.write_page(write_run(tmp_path / "run", found, n=2)))

    told = page.get_by_label("Alarms").inner_text()
    assert "The run was stopped: 5 samples are not generated yet" in told
    assert "1 samples could not be judged" in told


@pytest.mark.slow
def test_164_problems_of_200_samples_open(opened: Open, tmp_path: Path) -> None:
    """Size, time to build and to open are printed; a chunk opens at once."""
    line = "    total = sum(value * {index} for value in numbers if value % 3)\n"
    found = {f"HumanEval/{at}": [PASSED if (at * i) % 7 else FAILED for i in range(200)] for at in range(164)}
    path = write_run(tmp_path / "run", found, temperature=0.8, code=line * 10, raw=line * 15)
    journal, draw = path / "samples.jsonl", random.Random(0)
    # No two samples alike, as in life: what is compressed away must not be the point.
    rows = [row | {"raw": row["raw"] + draw.randbytes(400).hex()} for row in read_rows(journal)]
    write_rows(journal, rows)
    begun = time.monotonic()
    file = report.write_page(path)
    built = time.monotonic() - begun
    begun = time.monotonic()
    page = opened(file)
    page.wait_for_selector("tr.problem")
    open_s = time.monotonic() - begun
    begun = time.monotonic()
    page.locator("tr.problem").nth(100).click()
    page.wait_for_selector("tr.detail pre")
    detail_s = time.monotonic() - begun
    print(f"{file.stat().st_size / 1e6:.1f} MB, built {built:.1f} s, open {open_s:.2f} s, detail {detail_s:.2f} s")  # noqa: T201

    # half a second each on an idle machine; a page that holds all details takes minutes
    assert open_s + detail_s < 20
    assert page.locator("tr.detail .samples button").count() == 200
