"""What reports hold, read from their files: prompts, groups, plots, and how much an unfinished run lacks."""

from __future__ import annotations

import base64
import json
import re
import zlib
from pathlib import Path
from typing import Any

import pytest

from harness import report
from harness.tasks.suite import load_suite
from harness.types import Status
from tests.commands import harness
from tests.runs import FAILED, PASSED, outcomes, write_run


def chunks(page: Path) -> list[dict[str, Any]]:
    """What the page's problems open to."""
    packed = re.findall(r'<script type="text/plain" id="chunk-\d+">([^<]*)</script>', page.read_text())
    return [json.loads(zlib.decompress(base64.b64decode(text))) for text in packed]


def test_prompts_are_shown_as_they_were_asked(tmp_path: Path) -> None:
    """By the recipe that the run recorded, where the data is the run's."""
    suite = load_suite("humaneval").with_recipe("wizardcoder")
    path = write_run(tmp_path / "run", outcomes([0], n=2), data_digest=suite.data_digest)
    manifest = json.loads((path / "run.json").read_text())
    manifest["identity"]["recipe"]["humaneval"] = suite.describe_recipe()
    (path / "run.json").write_text(json.dumps(manifest))

    first, _ = chunks(report.write_page(path))

    assert first["prompt"].startswith("Below is an instruction that describes a task.")
    assert first["prompt"].endswith("### Response:")
    assert "has_close_elements" in first["prompt"]
    assert 'class="k">' in first["reference"]


def test_a_report_begins_with_what_a_reader_asks_first(tmp_path: Path) -> None:
    """Model, version, recipe, sampling, score beside the published one; warnings next; time and isolation last."""
    path = write_run(tmp_path / "run", outcomes(range(98)), model="/models/WizardCoder-15B-V1.0", n=2)
    manifest = json.loads((path / "run.json").read_text())
    manifest["model"] = {"weights_digest": "sha256:0123456789abcdef"}
    manifest["sessions"] = [{"ended_at": "2026-12-01T00:02:16+00:00", "stages_s": {"total": 5}, "completion_tokens": 1}]
    manifest["sandbox"] = {"core": {"sandbox": "process", "enforced": ["namespaces"], "not_enforced": []}}
    (path / "run.json").write_text(json.dumps(manifest))

    report.write(path)
    texts = ((path / "report.md").read_text(), report.write_page(path).read_text().partition("<body>")[2])

    for text in texts:
        asked = [
            "WizardCoder-15B-V1.0",
            "01234567",
            "humaneval (164 problems, data dddddddd), recipe completion eeeeeeee, greedy, 2 samples each",
            "run on 2026-12-01",
            "59.8 %",
            "The run was stopped",
            "/models/WizardCoder-15B-V1.0",
            "total 5.0 s",
            "isolated",
        ]
        places = [text.replace("\\", "").index(one) for one in asked]
        assert places == sorted(places)
        assert "published: humaneval pass@1 59.8 %, greedy" in text


def test_prompts_of_another_version_of_the_data_are_not_shown(tmp_path: Path) -> None:
    """A wrong prompt is worse than none."""
    path = write_run(tmp_path / "run", outcomes([0], n=2), data_digest="0" * 64)

    assert [chunk["prompt"] for chunk in chunks(report.write_page(path))] == [None, None]


@pytest.mark.data
def test_ds1000_is_shown_by_library_and_perturbation(tmp_path: Path) -> None:
    """A plot of each, with how many problems a group has."""
    suite = load_suite("ds1000")
    found = {task_id: [PASSED if at % 3 else FAILED] for at, task_id in enumerate(suite.problems)}
    path = write_run(tmp_path / "run", found, benchmark="ds1000", data_digest=suite.data_digest)

    page = report.write_page(path, pictures=True).read_text()

    assert "ds1000 by library" in page
    assert "Pandas (291)" in page
    assert "ds1000 by perturbation type" in page
    assert (path / "plots" / "ds1000-library.png").read_bytes().startswith(b"\x89PNG")


def test_the_command_writes_plots_beside_the_page(tmp_path: Path) -> None:
    """And says where the page is."""
    path = write_run(tmp_path / "run", {task: [PASSED, FAILED] for task in outcomes([], n=6)}, temperature=0.8)

    done = harness("report", path)

    assert done.returncode == 0, done.stderr
    assert re.search(rf"^page +{re.escape(str(path / 'report.html'))}$", done.stdout, re.MULTILINE)
    names = {plot.name for plot in (path / "plots").iterdir()}
    drawn = ("outcomes", "pass-at-k", "difficulty", "lengths")
    assert names == {f"{name}.{form}" for name in drawn for form in ("png", "svg", "pdf")}


def test_an_unfinished_run_says_how_much_is_missing(tmp_path: Path) -> None:
    """In the card, in Markdown and for machines."""
    found = {"HumanEval/0": [PASSED, FAILED], "HumanEval/1": [PASSED], "HumanEval/2": [Status.TIMEOUT]}
    path = write_run(tmp_path / "run", found, n=3)
    journal = path / "verdicts.jsonl"
    journal.write_text("".join(journal.read_text().splitlines(keepends=True)[:-1]))

    done = harness("report", path)

    told = "The run was stopped: 5 samples are not generated yet and 1 samples are not judged yet"
    assert told in done.stdout
    assert told in (path / "report.md").read_text()
    scores = json.loads((path / "scores.json").read_text())
    assert (scores["missing"], scores["unjudged"]) == (5, 1)


def test_most_samples_with_one_odd_end_raise_an_alarm(tmp_path: Path) -> None:
    """Syntax errors of a wrong recipe; programs that deceive."""
    found = {f"HumanEval/{at}": [Status.SYNTAX_ERROR] for at in range(5)} | {"HumanEval/5": [Status.TAMPERED]}
    path = write_run(tmp_path / "run", found)

    text = (path / "report.md").read_text()

    assert "most samples end with syntax_error" in text
    assert "1 programs tried to deceive the judge" in text
