"""The published table as a target: what is compared with what, and what is said where nothing can be measured."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from harness.compare.reproduce import PublishedTable, ReproductionRequest, format_markdown, read_target, reproduce
from harness.errors import UsageError
from harness.models.table import load_known
from tests.commands import harness, one_line_error, references

NAME = "WizardCoder-15B-V1.0"


def test_every_published_figure_of_the_family_is_in_the_target() -> None:
    """The table of checkpoints has them, once, and DS-1000 is not run here."""
    rows = read_target("wizardcoder").rows

    family = {name: entry.published for name, entry in load_known().items() if name.startswith("WizardCoder-")}
    assert len(family) == 7
    assert [(row.checkpoint, row.benchmark, row.metric, row.percent) for row in rows] == [
        (name, score.benchmark, score.metric, score.percent)
        for name, scores in family.items()
        for score in scores
        if score.benchmark != "ds1000"
    ]
    assert [row.percent for row in rows if row.how == "sampled"] == [57.3]
    assert len([row for row in rows if row.how == "leaderboard" and row.benchmark.startswith("multipl-e-")]) == 10


def humaneval_alone(target: PublishedTable) -> PublishedTable:
    """The target without benchmarks whose data does not come with a package."""
    return replace(target, rows=tuple(row for row in target.rows if row.benchmark == "humaneval"))


@pytest.mark.data
def test_the_authors_15b_samples_reproduce_their_figure(tmp_path: Path) -> None:
    """59.8 published, 59.76 measured."""
    file = Path(os.environ["HARNESS_DATA_DIR"]) / "golden" / "wizardcoder-15b-humaneval.samples.jsonl"
    target = humaneval_alone(read_target("wizardcoder"))

    rows = reproduce(target, ReproductionRequest(checkpoints={}, samples={NAME: file}, out=tmp_path, sandbox="process"))

    (row,) = [row for row in rows if row.measured]
    assert row.measured is not None
    assert (row.percent, round(100 * row.measured.value, 2)) == (59.8, 59.76)
    assert row.agrees
    assert "| 59.8      | 59.76 (" in format_markdown(target, rows)


def test_a_figure_outside_the_interval_does_not_agree(tmp_path: Path) -> None:
    """All references pass; the sampled figure needs more samples, and says so."""
    file = references(tmp_path / "s.jsonl")
    target = humaneval_alone(read_target("wizardcoder"))

    reproduce(
        target, ReproductionRequest(checkpoints={}, samples={NAME: file}, out=tmp_path / "out", sandbox="process")
    )

    sampled, greedy = json.loads((tmp_path / "out" / "reproduce.json").read_text())
    assert (greedy["measured"], greedy["agrees"]) == (100.0, False)
    assert (sampled["measured"], sampled["agrees"]) == (None, None)
    assert "the figure is from 200" in sampled["note"]


def test_a_checkpoint_is_run_in_the_published_configuration(tmp_path: Path) -> None:
    """Recipe, sampling and token limit are the target's."""
    target = humaneval_alone(read_target("wizardcoder"))
    model = f"replay:{references(tmp_path / 's.jsonl')}"

    reproduce(
        target, ReproductionRequest(checkpoints={NAME: model}, samples={}, out=tmp_path / "out", sandbox="process")
    )

    identity = json.loads((tmp_path / "out" / f"{NAME}-humaneval-greedy" / "run.json").read_text())["identity"]
    assert identity["recipe"]["humaneval"]["name"] == "wizardcoder-humaneval"
    assert identity["sampling"] == {"temperature": 0.0, "top_p": 1.0, "max_tokens": 2048, "seed": 0}


@pytest.mark.data
def test_the_leaderboards_figures_have_its_own_configuration(tmp_path: Path) -> None:
    """Bare prompts, 50 samples; a language that cannot be run is a note, and no end of all others."""
    target = read_target("wizardcoder")
    rows = tuple(row for row in target.rows if row.benchmark in ("multipl-e-jl", "humaneval-plus"))
    model = f"replay:{references(tmp_path / 's.jsonl')}"

    out = tmp_path / "out"
    request = ReproductionRequest(checkpoints={NAME: model}, samples={}, out=out, sandbox="process", sampled=True)
    found = reproduce(replace(target, rows=rows), request)

    assert target.sampling["leaderboard"] == {
        **{"recipe": "completion", "max_tokens": 512},
        **{"n": 50, "temperature": 0.2, "top_p": 0.95},
    }
    assert {row.benchmark: row.measured is None for row in found} == {"humaneval-plus": False, "multipl-e-jl": True}
    assert 'programs in "jl"' in (out / "reproduce.md").read_text()


@pytest.mark.parametrize(("short", "full"), [("15B", NAME), ("7b", "WizardCoder-Python-7B-V1.0"), (NAME.lower(), NAME)])
def test_checkpoints_have_short_names(short: str, full: str) -> None:
    """The size is enough."""
    assert read_target("wizardcoder").find_checkpoint(short) == full


def test_short_names_that_fit_none_or_several_are_refused() -> None:
    """With the names there are."""
    for name in ("14B", "Python"):
        with pytest.raises(UsageError, match=r"WizardCoder-33B-V1\.1"):
            read_target("wizardcoder").find_checkpoint(name)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nothing"], '"nothing" cannot be reproduced; there is wizardcoder'),
        (["wizardcoder"], "nothing to reproduce wizardcoder with"),
        (["wizardcoder", "--samples", "15B"], '"15B" is not NAME=PATH'),
        (["wizardcoder", "--samples", "15B=none.jsonl"], "samples file none.jsonl does not exist"),
    ],
)
def test_a_wrong_use_is_one_line(tmp_path: Path, arguments: list[str], message: str) -> None:
    """Exit 2, nothing left behind."""
    done = harness("reproduce", *arguments, cwd=tmp_path)

    assert done.returncode == 2
    assert message in one_line_error(done)
    assert list(tmp_path.iterdir()) == []
