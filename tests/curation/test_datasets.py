"""Training data from a real run of MBPP's training split, whose answers are known."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

import harness
from harness.benchmarks.mbpp import MbppTrain
from harness.curation.answers import Answer, choose
from harness.errors import UsageError
from harness.finetune.rows import read_data_manifest, read_training_rows
from tests.commands import harness as command
from tests.commands import one_line_error, read_rows, write_rows
from tests.runs import outcomes, write_run

PROBLEMS, GOOD = 5, 3
"""The first one's tests use a class of the candidate's, so that it is judged beside them; to the last all are wrong."""
AGAINST = ("humaneval",)


def answer(code: str) -> str:
    return f"```python\n{code.strip()}\n```"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four answers to each problem: right, right with a comment, and wrong twice."""
    folder = tmp_path_factory.mktemp("curation")
    rows = []
    for number, problem in enumerate(MbppTrain().problems()[:PROBLEMS]):
        right = problem.reference.replace("\r", "").replace("\t", "    ")
        wrong = f"def {problem.entry_point}(*_):\n    return 'wrong'\n"
        good = [answer(right), answer(f"{right}\n# the same\n")] if number < PROBLEMS - 1 else [answer(wrong)] * 2
        texts = [*good, answer(wrong), answer(f"{wrong}# again\n")]
        rows += [{"task_id": problem.task_id, "completion": text} for text in texts]
    samples = write_rows(folder / "samples.jsonl", rows)
    harness.run(
        f"replay:{samples}", "mbpp-train", recipe="wizardcoder", out=folder / "run", limit=PROBLEMS, n=4,
        temperature=1.0, sandbox="process", page=False,
    )  # fmt: skip
    return folder / "run"


def build(run: Path, tmp_path: Path, form: str, **options: Any) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    out = tmp_path / f"{form}.jsonl"
    manifest = harness.build_dataset(run, out=out, form=form, against=AGAINST, **options)
    assert json.loads(out.with_suffix(".manifest.json").read_text()) == manifest
    return read_rows(out), manifest


@pytest.mark.data
def test_verified_answers_are_rows_for_finetuning(run: Path, tmp_path: Path) -> None:
    """The shortest answer that passed, in the prompt that was asked; the manifest says whose it is."""
    rows, manifest = build(run, tmp_path, "sft")
    trained = read_training_rows(tmp_path / "sft.jsonl")

    assert len(rows) == len(trained) == GOOD
    assert all("# the same" not in row["output"] for row in rows)
    assert all("python function" in row["instruction"].lower() or "Write" in row["instruction"] for row in rows)
    assert [len(sources) for sources in manifest["rows"]] == [1] * len(rows)
    assert manifest["rows"][0][0]["run"] == str(run)
    assert manifest["left_out"] == {"passed in-process, which can be forged": 2}
    assert manifest["contamination"]["benchmarks"].keys() == set(AGAINST)
    assert read_data_manifest(tmp_path / "sft.jsonl") == manifest


@pytest.mark.data
def test_answers_of_one_structure_count_once_where_they_are_to_be_diverse(run: Path, tmp_path: Path) -> None:
    """A comment makes another text and no other structure."""
    diverse, _ = build(run, tmp_path / "diverse", "sft", pick="diverse", per_problem=4)
    first, _ = build(run, tmp_path / "first", "sft", pick="first", per_problem=4)

    assert len(diverse) == GOOD
    assert len(first) == 2 * GOOD


@pytest.mark.data
def test_pairs_are_a_passed_and_a_failed_answer_to_one_prompt(run: Path, tmp_path: Path) -> None:
    """As many as asked for of each problem that has both."""
    rows, manifest = build(run, tmp_path, "dpo", per_problem=2)

    assert len(rows) == 2 * GOOD
    assert set(rows[0]) == {"prompt", "chosen", "rejected"}
    assert rows[0]["prompt"].startswith("Below is an instruction")
    assert all("wrong" in row["rejected"] and "wrong" not in row["chosen"] for row in rows)
    assert set(Counter(row["prompt"] for row in rows).values()) == {2}
    for passed, failed in manifest["rows"]:
        assert passed["task_id"] == failed["task_id"]
        assert (passed["index"] < 2) and (failed["index"] >= 2)


@pytest.mark.data
def test_labelled_answers_are_balanced(run: Path, tmp_path: Path) -> None:
    """As many of each label, of each problem."""
    rows, _ = build(run, tmp_path, "kto")

    assert Counter(row["label"] for row in rows) == {True: GOOD, False: GOOD}


@pytest.mark.data
def test_rows_that_repeat_a_benchmark_are_left_out(run: Path, tmp_path: Path) -> None:
    """All of them where the benchmark is the run's own."""
    with pytest.raises(UsageError, match="nothing is left to write: 6 answers passed and 12 failed, of 5 prompts"):
        harness.build_dataset(run, out=tmp_path / "rows.jsonl", form="sft", against=["mbpp-train"])
    assert not (tmp_path / "rows.jsonl").exists()


@pytest.mark.data
def test_what_does_not_fit_is_refused_in_a_line(run: Path, tmp_path: Path) -> None:
    """A test set above all; nothing is written."""
    reported = write_run(tmp_path / "reported", outcomes([0]))
    (tmp_path / "there.jsonl").write_text("kept")
    for arguments, message in (
        ((reported, "--as", "sft"), 'benchmark "humaneval" is for evaluation; training on it would spoil its figures'),
        ((run, "--as", "rlhf"), '--as is "rlhf"; it must be one of sft, dpo, kto'),
        ((run, "--as", "sft", "--pick", "longest"), '--pick is "longest"; it must be one of shortest, first, diverse'),
        ((run, "--as", "sft", "--per-problem", "0"), "--per-problem is 0"),
        ((run, "--as", "sft", "--out", tmp_path / "there.jsonl"), "exists; choose another --out"),
        ((tmp_path, "--as", "sft"), "run.json"),
    ):
        done = command("data", "from-runs", "--out", tmp_path / "out.jsonl", *arguments)
        assert done.returncode == 2, done.stderr
        assert message in one_line_error(done)
    assert (tmp_path / "there.jsonl").read_text() == "kept"
    assert not (tmp_path / "out.jsonl").exists()


def test_programs_that_cannot_be_parsed_are_told_apart_by_their_text() -> None:
    """Deep or broken ones included."""
    texts = ["def (", "(" * 100_000, "x = 1", "x=1  # one", "y = 2"]
    answers = [Answer(text=text, code=text, run="r", index=at) for at, text in enumerate(texts)]

    assert [one.text for one in choose(answers, "diverse", 9)] == ["def (", "x = 1", "y = 2", "(" * 100_000]
