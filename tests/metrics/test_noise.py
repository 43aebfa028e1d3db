"""The noise floor, and several runs from one command."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from harness.config import RunConfig
from harness.evaluation import pipeline
from harness.metrics.noise import format_noise, measure_noise, read_noise
from tests.commands import harness, read_rows, references, write_rows


def config(file: Path, **changes: object) -> RunConfig:
    base = RunConfig(model=f"replay:{file}", benchmarks=("humaneval",), sandbox="process", limit=4, verify=False)
    return replace(base, **changes)  # type: ignore[arg-type]


def test_repetitions_ask_in_other_orders_and_are_stored_beside_the_run(tmp_path: Path) -> None:
    """Each is a run folder of its own inside the first's, and the same command adds nothing."""
    file = references(tmp_path / "s.jsonl")
    first = pipeline.run_all(config(file, repeat=3), out=tmp_path / "run")
    again = pipeline.run_all(config(file, repeat=3), out=tmp_path / "run")

    folders = [tmp_path / "run", tmp_path / "run" / "repeat-1", tmp_path / "run" / "repeat-2"]
    assert [summary.path for summary in first] == folders
    orders = [[row["task_id"] for row in read_rows(folder / "samples.jsonl")] for folder in folders]
    assert orders[0] == [f"HumanEval/{number}" for number in range(4)]
    assert all(sorted(order) == orders[0] for order in orders)
    assert len({tuple(order) for order in orders}) > 1
    assert [summary.manifest["sessions"][-1]["generated"] for summary in again] == [0, 0, 0]
    (noise,) = read_noise(tmp_path / "run")
    assert (noise.runs, noise.problems, noise.passed, noise.flipped) == (3, 4, (4, 4, 4), ())


def test_a_problem_that_passes_now_and_then_is_named(tmp_path: Path) -> None:
    """So is one whose text differs though its verdict does not."""
    rows = read_rows(references(tmp_path / "s.jsonl"))[:4]
    pipeline.run(config(tmp_path / "s.jsonl"), out=tmp_path / "a")
    rows[1]["completion"] = "    return None\n"
    rows[2]["completion"] += "\n    # the same\n"
    pipeline.run(config(write_rows(tmp_path / "t.jsonl", rows)), out=tmp_path / "b")

    (noise,) = measure_noise([tmp_path / "a", tmp_path / "b"])

    assert (noise.passed, noise.flipped) == ((4, 3), ("HumanEval/1",))
    assert noise.other_texts == ("HumanEval/1", "HumanEval/2")
    assert format_noise(noise) == (
        "1 of 4 problems flip over 2 greedy runs (3 to 4 passed); 2 answers are not the same text"
    )


def test_a_run_without_repetitions_has_no_noise(tmp_path: Path) -> None:
    """Nothing is said where nothing was measured."""
    pipeline.run(config(references(tmp_path / "s.jsonl")), out=tmp_path / "run")

    assert read_noise(tmp_path / "run") == []


def test_the_command_prints_one_card_and_the_noise(tmp_path: Path) -> None:
    """Sampled runs differ by their nature and are refused."""
    file = references(tmp_path / "s.jsonl")
    arguments = ["run", f"replay:{file}", "-b", "humaneval", "--sandbox", "process", "--limit", "3", "--no-verify"]
    done = harness(*arguments, "--repeat", "2", "--out", tmp_path / "run")

    assert done.returncode == 0, done.stderr
    assert done.stdout.count("humaneval pass@1") == 1
    assert re.search(
        r"^humaneval noise +0 of 3 problems flip over 2 greedy runs \(3 passed each time\)", done.stdout, re.MULTILINE
    )
    refused = harness(*arguments, "--repeat", "2", "--temperature", "0.2")
    assert "repeat is 2, which is for greedy runs" in refused.stderr


def test_the_record_has_the_throughput(tmp_path: Path) -> None:
    """Tokens of prompts and answers, and when the first and the last completion came."""
    rows = read_rows(references(tmp_path / "s.jsonl", samples=2))[:8]
    for row in rows:
        row |= {"prompt_tokens": 10, "completion_tokens": 3}
    file = write_rows(tmp_path / "t.jsonl", rows)
    spec = f"replay:{file}?delay_s=0.05"
    pipeline.run(replace(config(file, n=2), model=spec), out=tmp_path / "run")

    (session,) = json.loads((tmp_path / "run" / "run.json").read_text())["sessions"]
    assert (session["prompt_tokens"], session["completion_tokens"]) == (40, 24)
    assert 0.05 <= session["first_completion_s"] < session["last_completion_s"]
    assert 0.4 <= session["last_completion_s"] <= session["stages_s"]["total"]
    told = harness("report", tmp_path / "run").stdout
    (rate,) = re.findall(r"^throughput +(.*)$", told, re.MULTILINE)
    times = r"8 completions, the first after 0\.\d s, the last after \d\.\d s, "
    assert re.fullmatch(times + r"prompts \d+ tokens/s, answers \d+ tokens/s, \d+\.\d verdicts/s", rate)
    assert f"- throughput: {rate}" in (tmp_path / "run" / "report.md").read_text()
    assert f"<th>throughput</th><td>{rate}</td>" in (tmp_path / "run" / "report.html").read_text()
    assert session["prompt_tokens_per_s"] > session["tokens_per_s"] > 0
    assert session["verdicts_per_s"] == pytest.approx(8 / session["stages_s"]["score"], rel=0.1)
    assert {"load", "generate", "score", "total"} <= set(session["stages_s"])
