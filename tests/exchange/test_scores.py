"""Scores for papers, model cards and the hub, each read back by the library that it is for."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest

from harness.errors import StoreError, UsageError
from harness.exchange import SCORE_FORMATS, export_scores
from tests.commands import harness as run_harness
from tests.commands import one_line_error

RUN = Path(__file__).parent.parent.parent / "results" / "baselines" / "quickstart"


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """The kept run of the builtin on HumanEval, to be changed."""
    return Path(shutil.copytree(RUN, tmp_path / "run"))


def change(run: Path, old: str, new: str) -> None:
    manifest = run / "run.json"
    text = manifest.read_text(encoding="utf-8")
    assert json.dumps(old)[1:-1] in text
    manifest.write_text(text.replace(json.dumps(old)[1:-1], json.dumps(new)[1:-1]), encoding="utf-8")


def test_the_line_for_a_paper_says_how_the_score_was_measured() -> None:
    text, count = export_scores(RUN, "cite")
    score = json.loads((RUN / "scores.json").read_text())["scores"][0]

    assert count == 1
    assert text.startswith(
        f"smollm2-135m-instruct (weights b1aee7fc0189): humaneval pass@1 {100 * score['value']:.1f} % ("
    )
    for fact in (
        "164 problems (data 3f90453e8f72)",
        "recipe chat",
        "1 sample per problem",
        "greedy",
        "at most 512 tokens",
    ):
        assert fact in text


def test_pandas_reads_the_table() -> None:
    text, _ = export_scores(RUN, "csv")

    (row,) = pd.read_csv(pd.io.common.StringIO(text)).to_dict("records")
    score = json.loads((RUN / "scores.json").read_text())["scores"][0]

    assert (row["model"], row["benchmark"], row["metric"]) == ("smollm2-135m-instruct", "humaneval", "pass@1")
    assert row["percent"] == pytest.approx(100 * score["value"], abs=0.005)
    assert row["low"] < row["percent"] < row["high"]
    assert (row["problems"], row["of"], row["samples"]) == (164, 164, 164)


def test_the_hubs_own_library_reads_the_model_card() -> None:
    from huggingface_hub import ModelCard

    text, _ = export_scores(RUN, "model-index")

    card = ModelCard(text + "\n# A model\n", ignore_metadata_errors=False)
    (result,) = card.data.eval_results
    assert card.data.model_name == "smollm2-135m-instruct"
    assert (result.dataset_type, result.metric_type, result.metric_name) == (
        "openai/openai_humaneval",
        "pass_at_1",
        "pass@1",
    )
    assert result.metric_value == pytest.approx(6.71, abs=0.005)
    assert "recipe chat" in result.dataset_args["setup"]


def test_the_hubs_own_library_reads_the_evaluation_results() -> None:
    import yaml
    from huggingface_hub import parse_eval_result_entries

    text, _ = export_scores(RUN, "eval-results")

    (entry,) = parse_eval_result_entries(yaml.safe_load(text))
    assert (entry.dataset_id, entry.task_id) == ("openai/openai_humaneval", "pass_at_1")
    assert entry.value == pytest.approx(6.71, abs=0.005)
    assert entry.date and entry.notes and "recipe chat" in entry.notes


def test_latex_escapes_what_would_be_a_command(run: Path) -> None:
    change(run, "smollm2-135m-instruct", r"50%_of{a}\model")

    text, _ = export_scores(run, "latex")

    assert r"50\%\_of\{a\}\textbackslash{}model & humaneval & pass@1 & 6.7 & (3.8--11.6) \\" in text
    assert text.count(r"\begin{tabular}") == text.count(r"\end{tabular}") == 1


def test_no_spreadsheet_takes_a_name_for_a_formula(run: Path) -> None:
    change(run, "smollm2-135m-instruct", "=1+1")

    assert "\n'=1+1," in export_scores(run, "csv")[0]


def test_a_path_is_named_by_its_last_part(run: Path) -> None:
    change(run, "smollm2-135m-instruct", "/home/somebody/checkpoints/tuned")

    for form in SCORE_FORMATS:
        text, _ = export_scores(run, form)
        assert "somebody" not in text
        assert "tuned" in text or form == "eval-results"


def test_a_run_of_some_problems_says_so(run: Path) -> None:
    manifest = json.loads((run / "run.json").read_text())
    manifest["tasks"]["humaneval"] = manifest["tasks"]["humaneval"][:10]
    (run / "run.json").write_text(json.dumps(manifest))

    assert "10 of 164 problems" in export_scores(run, "cite")[0]


def test_an_unfinished_run_is_not_published(run: Path) -> None:
    verdicts = run / "verdicts.jsonl"
    verdicts.write_text("".join(verdicts.read_text().splitlines(keepends=True)[:-3]))

    with pytest.raises(StoreError, match="is not finished"):
        export_scores(run, "cite")


def test_what_does_not_fit_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r'format "bibtex" is not known; choose one of evalplus, .*cite'):
        export_scores(RUN, "bibtex")
    with pytest.raises(UsageError, match=r'benchmark "mbpp" is not in .*; choose one of humaneval'):
        export_scores(RUN, "cite", "mbpp")
    done = run_harness("export", RUN, "--format", "evalplus")
    assert done.returncode == 2
    assert "evalplus needs a file or folder" in one_line_error(done)


def test_scores_go_to_a_file_or_to_stdout(tmp_path: Path) -> None:
    shown = run_harness("export", RUN, "--format", "cite")
    written = run_harness("export", RUN, tmp_path / "scores.csv", "--format", "csv")

    assert shown.stdout == export_scores(RUN, "cite")[0]
    assert "wrote 1 scores" in written.stderr
    assert (tmp_path / "scores.csv").read_text() == export_scores(RUN, "csv")[0]
