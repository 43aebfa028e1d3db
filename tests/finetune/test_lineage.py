"""What a run makes of its checkpoint's manifest: the recipe, a warning, the score on untouched problems."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.cli import main
from harness.config import build_run_config
from harness.evaluation import pipeline
from harness.finetune.config import Lora
from harness.finetune.train import finetune
from harness.report import format_card
from harness.tasks.lineage import find_recipe_warnings, group_by_training, summarize_training
from harness.tasks.suite import load_suite
from tests.commands import read_rows, write_rows
from tests.finetune.world import row, small

TOUCHED = ["HumanEval/0", "HumanEval/2"]


@pytest.fixture(scope="module")
def trained(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint from data that was compared with HumanEval, and an adapter, both with the recipe alpaca."""
    folder = tmp_path_factory.mktemp("trained")
    write_rows(folder / "train.jsonl", [row(number) for number in range(4)])
    from harness.digests import digest_file

    facts = load_suite("humaneval").describe_data()
    found = {"benchmarks": {"humaneval": facts}, "touched": {"humaneval": TOUCHED}}
    manifest = {"files": {"train.jsonl": f"sha256:{digest_file(folder / 'train.jsonl')}"}, "contamination": found}
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    for name, lora in (("full", None), ("adapter", Lora(r=2))):
        config = small(base, folder, folder / name, recipe="alpaca", max_steps=1, lora=lora)
        finetune(config, tell=lambda _: None)
    return folder


def test_a_checkpoint_is_asked_with_the_recipe_it_was_trained_with(trained: Path, base: Path) -> None:
    """An adapter brings its own as well; another one is warned of, as is another version of the same."""
    full, adapter = str(trained / "full"), f"a={trained / 'adapter'}"
    plain = build_run_config({"model": full, "benchmarks": ["humaneval"]})
    adapted = build_run_config({"model": str(base), "benchmarks": ["humaneval"], "lora": [adapter]})

    assert pipeline.preview(plain).recipe == "alpaca"
    assert pipeline.choose_recipe(adapted) == "alpaca"
    assert find_recipe_warnings(plain, "alpaca") == find_recipe_warnings(adapted, "alpaca") == []
    for config in (plain, adapted):
        (told,) = find_recipe_warnings(config, "wizardcoder")
        assert 'was trained with the recipe "alpaca" and is asked with "wizardcoder"' in told


def test_the_command_warns_of_another_recipe(trained: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """On stderr, before anything is generated."""
    asked = ["run", str(trained / "full"), "-b", "humaneval", "--recipe", "wizardcoder", "--preview"]
    with pytest.raises(SystemExit) as ended:
        main([*asked, "--backend", "transformers"])
    assert ended.value.code == 0
    assert 'trained with the recipe "alpaca" and is asked with "wizardcoder"' in capfd.readouterr().err


def test_a_run_tells_the_score_on_problems_that_the_data_did_not_touch(trained: Path, tmp_path: Path) -> None:
    """Beside the full one: in scores.json, report.md, the page and the card."""
    values = {
        **{"model": str(trained / "full"), "benchmarks": ["humaneval"], "backend": "transformers", "limit": 5},
        **{"max_tokens": 4, "sandbox": "process", "verify": False, "cache": False, "recipe": "wizardcoder"},
    }
    summary = pipeline.run(build_run_config(values), out=tmp_path / "run")

    groups = {one.group: one.score.n_problems for one in summary.slices}
    assert groups == {"touched": 2, "untouched": 3}
    card = format_card(summary)
    assert "3 of" not in card and "0 of 3 problems that the training data did not touch" in card
    scores = json.loads((tmp_path / "run" / "scores.json").read_text(encoding="utf-8"))
    assert [one["group"] for one in scores["slices"]] == ["touched", "untouched"]
    report = (tmp_path / "run" / "report.md").read_text(encoding="utf-8")
    assert "## humaneval by training data" in report
    assert 'The checkpoint was trained with the recipe "alpaca" and is asked with "wizardcoder"' in report
    assert len(read_rows(tmp_path / "run" / "verdicts.jsonl")) == 5


def test_another_version_of_recipe_or_benchmark_is_told_from_the_same_name(trained: Path, tmp_path: Path) -> None:
    """A digest decides: the recipe is warned of, and problems of other data are not sorted by this data's findings."""
    manifest = json.loads((trained / "full" / "harness.json").read_text(encoding="utf-8"))
    manifest["recipe"]["digest"] = "0" * 64
    manifest["contamination"]["benchmarks"]["humaneval"]["data_digest"] = "0" * 64
    (tmp_path / "harness.json").write_text(json.dumps(manifest), encoding="utf-8")
    config = build_run_config({"model": str(tmp_path), "benchmarks": ["humaneval"]})

    (told,) = find_recipe_warnings(config, "alpaca")
    assert 'was trained with another version of the recipe "alpaca"' in told
    suites = [load_suite("humaneval")]
    assert group_by_training(summarize_training(tmp_path), suites) == {}
    assert group_by_training(summarize_training(trained / "full"), suites)["humaneval"]["touched"] == TOUCHED
