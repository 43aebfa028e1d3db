"""A run watched while it goes: the figures of page and data equal the run folder's at every moment."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import requests

from harness import report
from harness.store import RunFolder
from harness.types import Status
from harness.view.index import RunIndex
from tests.commands import read_rows, write_rows
from tests.runs import FAILED, PASSED, outcomes, write_run

from .conftest import viewing

if TYPE_CHECKING:
    from playwright.sync_api import Page

Open = Callable[..., "Page"]


def write_part(source: Path, folder: Path, samples: int, verdicts: int) -> None:
    """What a run has written when it has so many samples and verdicts; half a row follows each."""
    for name, count in (("samples.jsonl", samples), ("verdicts.jsonl", verdicts)):
        lines = (source / name).read_text().splitlines(keepends=True)
        written = (folder / name).stat().st_size if (folder / name).exists() else 0
        text = "".join(lines[:count]) + (lines[count][:20] if count < len(lines) else "")
        with (folder / name).open("ab") as journal:  # as a run does: the file grows
            whole = text.encode()
            journal.write(whole[written:])


@pytest.mark.browser
def test_a_live_run_is_watched(opened: Open, tmp_path: Path) -> None:
    """At three moments, the last of them its end, when warnings and facts appear."""
    found = {f"HumanEval/{at}": [PASSED if at % 3 else FAILED] for at in range(12)}
    source = write_run(tmp_path / "source", found)
    folder = tmp_path / "results" / "live"
    folder.mkdir(parents=True)
    (folder / "run.json").write_text((source / "run.json").read_text())
    write_part(source, folder, 5, 3)
    with viewing(tmp_path / "results") as (url, _):
        page = opened(f"{url}run?run=live")
        for samples, verdicts in ((5, 3), (9, 8), (12, 12)):
            write_part(source, folder, samples, verdicts)
            told = f"{verdicts} of 12 samples judged, {samples} generated"
            page.wait_for_function("text => document.getElementById('counts').textContent === text", arg=told)
            summary = report.read(folder)
            statuses = summary.statuses["humaneval"]
            assert requests.get(f"{url}api/run?run=live", timeout=30).json()["statuses"] == statuses
            if verdicts < 12:
                shown = [f"{count} {status.replace('_', ' ')}" for status, count in statuses.items()]
                assert page.locator("#statuses li").all_inner_texts() == shown
            page.wait_for_function(
                "count => document.querySelectorAll('tr .s-passed, tr .s-wrong_answer').length === count", arg=verdicts
            )
            assert page.locator("#progress").is_visible() == (verdicts < 12)
        page.locator("#about table").first.wait_for()
        assert page.locator("#cards b").inner_text() == f"{100 * summary.scores[0].value:.1f} %"


def test_an_index_follows_its_journals(tmp_path: Path) -> None:
    """Grown, judged anew, and replaced as `--re-extract` does; torn rows wait for their end."""
    path = write_run(tmp_path / "run", outcomes([0], n=4))
    index = RunIndex(path)
    index.update()
    assert (index.generated, index.judged) == (4, 4)
    assert index.count_statuses() == {"passed": 1, "wrong_answer": 3}

    rows = read_rows(path / "verdicts.jsonl")
    again = json.dumps(rows[1] | {"status": Status.PASSED.value}) + "\n"
    with (path / "verdicts.jsonl").open("a") as journal:
        journal.write(again[:30])
        journal.flush()
        index.update()
        assert index.count_statuses()["passed"] == 1
        journal.write(again[30:])
    index.update()
    assert index.count_statuses() == {"passed": 2, "wrong_answer": 2}
    assert index.judged == 4

    write_rows(path / "verdicts.jsonl", rows[:2])
    index.update()
    assert (index.generated, index.judged) == (4, 2)


def test_figures_equal_those_of_the_report(tmp_path: Path) -> None:
    """Samples, base parts, samples without a verdict, and those that the judge failed on."""
    found: dict[str, Any] = {
        "HumanEval/0": [PASSED, FAILED],
        "HumanEval/1": [Status.INFRASTRUCTURE, PASSED],
        "HumanEval/2": [Status.TIMEOUT, PASSED],
    }
    base = {task: [PASSED, PASSED] for task in found}
    path = write_run(tmp_path / "run", found, base=base, temperature=0.5, n=3)
    rows = read_rows(path / "verdicts.jsonl")
    write_rows(path / "verdicts.jsonl", rows[:-1])
    summary = report.read(path)
    index = RunIndex(path)
    index.update()

    assert index.score(summary.manifest) == list(summary.scores)
    assert index.count_missing(summary.manifest) == summary.missing
    assert index.generated - index.judged == summary.unjudged
    assert index.count_statuses() == summary.statuses["humaneval"]


def test_a_run_that_is_held_can_be_looked_at(tmp_path: Path) -> None:
    """The viewer takes no lock, and the run can write on."""
    write_run(tmp_path / "run", outcomes([0], n=4))
    manifest = json.loads((tmp_path / "run" / "run.json").read_text())
    with RunFolder(tmp_path / "run", manifest["identity"]) as held, viewing(tmp_path) as (url, _):
        assert requests.get(f"{url}api/run?run=run", timeout=30).json()["judged"] == 4
        held.update_manifest(config={**manifest["config"], "n": 2})
        found = requests.get(f"{url}api/run?run=run", timeout=30).json()
        assert (found["total"], found["complete"], found["running"]) == (8, False, False)
        (tmp_path / "run" / "scores.json").unlink()  # as if it had not ended before
        assert requests.get(f"{url}api/run?run=run", timeout=30).json()["running"]
