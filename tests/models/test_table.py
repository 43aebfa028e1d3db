"""The table of known checkpoints, and the recipe that is taken from it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness import registry
from harness.models.defaults import find_default_recipe
from harness.models.table import describe_checkpoint, find_known, load_known, load_others
from harness.tasks.recipes import recipe
from harness.tasks.suite import load_suite
from tests.checkpoints import write_bare
from tests.commands import harness


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("WizardLM/WizardCoder-15B-V1.0", "wizardcoder"),
        ("SomeoneElse/wizardcoder-python-34b-v1.0@main", "wizardcoder"),
        ("/weights/WizardCoder-33B-V1.1/", "wizardcoder"),
        ("bigcode/starcoder", "completion"),
        ("codellama/CodeLlama-13b-Python-hf", "completion"),
        ("openai:WizardLM/WizardCoder-3B-V1.0@http://localhost:8000/v1", "wizardcoder"),
        ("bigcode/starcoder2", None),
        ("openai:served@http://localhost:8000/WizardCoder-1B-V1.0", None),
    ],
)
def test_a_known_name_brings_its_recipe(spec: str, expected: str | None) -> None:
    """As a hub name of any owner, a folder or a served name; a name that only looks alike does not."""
    assert find_default_recipe(spec) == expected


@pytest.mark.parametrize("written", ["alpaca", {"name": "alpaca", "digest": "x"}])
def test_a_checkpoints_own_manifest_wins(written: object, tmp_path: Path) -> None:
    """A fine-tune in a folder of a known name is asked as its own training says."""
    folder = write_bare(tmp_path / "WizardCoder-15B-V1.0")
    assert find_default_recipe(str(folder)) == "wizardcoder"

    (folder / "harness.json").write_text(json.dumps({"recipe": written}), encoding="utf-8")

    assert find_default_recipe(str(folder)) == "alpaca"


@pytest.mark.parametrize("content", ["{", "[]", "{}", '{"recipe": 1}'])
def test_a_manifest_that_names_no_recipe_is_passed_over(content: str, tmp_path: Path) -> None:
    """The folder's name still tells."""
    folder = write_bare(tmp_path / "starcoder")
    (folder / "harness.json").write_text(content, encoding="utf-8")

    assert find_default_recipe(str(folder)) == "completion"


def test_every_entry_is_one_that_can_be_run() -> None:
    """Its recipe exists, its scores are of benchmarks that exist, each has a source, and bases are in the table."""
    for entry in load_known().values():
        assert recipe(entry.recipe).name == entry.recipe
        assert entry.base is None or entry.base in load_known()
        assert find_known(entry.hub) is entry
    for score in [score for entry in load_known().values() for score in entry.published] + [
        s for o in load_others().values() for s in o
    ]:
        assert registry.lookup("benchmarks", score.benchmark)
        assert 0 < score.percent < 100
        assert score.source


def test_the_published_scores_of_the_15b_model() -> None:
    """As its paper and README have them, sampled and greedy apart."""
    scores = load_known()["WizardCoder-15B-V1.0"].published
    told = {(score.benchmark, score.metric, score.how, score.part): score.percent for score in scores}

    assert told["humaneval", "pass@1", "sampled", ""] == 57.3
    assert told["humaneval", "pass@1", "greedy", ""] == 59.8
    assert told["mbpp-plus-v0.1.0", "base pass@1", "", ""] == 62.4
    assert told["mbpp-plus-v0.1.0", "pass@1", "", ""] == 51.6


@pytest.mark.data
def test_published_parts_are_the_benchmarks_own_names() -> None:
    """A comparison can put them beside measured ones."""
    libraries = {problem.metadata["library"] for problem in load_suite("ds1000").problems.values()}

    assert {score.part for score in load_known()["StarCoder-15B"].published if score.part} == libraries


def test_checkpoints_are_listed_with_their_scores_and_sources() -> None:
    """A published score never stands without who published it."""
    shown = harness("list", "checkpoints").stdout

    for entry in load_known().values():
        assert f"  {entry.hub} " in shown
        assert describe_checkpoint(entry) in shown
    assert "humaneval 79.9" in shown
    assert "arXiv 2306.08568" in shown


def test_a_run_of_a_known_checkpoint_names_no_recipe(tmp_path: Path) -> None:
    """The prompt is WizardCoder's: only the weights of this empty folder are missing."""
    (tmp_path / "WizardCoder-15B-V1.0").mkdir()
    done = harness("run", tmp_path / "WizardCoder-15B-V1.0", "-b", "humaneval", "--preview")
    assert "has no config.json" in done.stderr

    (tmp_path / "Unknown-15B").mkdir()
    done = harness("run", tmp_path / "Unknown-15B", "-b", "humaneval", "--preview")
    assert "has no recipe of its own" in done.stderr
