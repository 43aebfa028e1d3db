"""Runs of a model that reasons first, with a real checkpoint whose chat template says so."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from harness.benchmarks.humaneval import HumanEval
from harness.config import RunConfig
from harness.evaluation.backend import LocalBackend
from harness.evaluation.generation import settle_token_limit
from harness.evaluation.pipeline import prepare_suites
from harness.evaluation.plans import build_identity
from harness.extraction.reasoning import split_reasoning
from harness.models.thinking import MARKS
from tests.checkpoints import OPENING, SWITCH, write_thinking
from tests.commands import harness, one_line_error, read_rows, write_rows
from tests.models.api_server import Api, serving

pytest.importorskip("torch", reason="the package torch is not installed")
pytest.importorskip("transformers", reason="the package transformers is not installed")


def build_config(model: Path, **settings: object) -> RunConfig:
    config = RunConfig(model=str(model), benchmarks=("humaneval",), recipe="chat", backend="transformers", limit=1)
    return replace(config, **settings)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("template", "settings", "limit"),
    [
        (SWITCH, {}, 8192),
        (SWITCH, {"thinking": "off"}, None),
        (SWITCH, {"chat_template_args": ("enable_thinking=false",)}, None),
        (SWITCH, {"max_tokens": 99}, 99),
        (SWITCH, {"max_model_len": 2000}, 2000),
        (OPENING, {"thinking_budget": 100}, 868),
    ],
)
def test_the_limit_that_is_used_is_part_of_the_run(
    smollm2: Path, tmp_path: Path, template: str, settings: dict[str, object], limit: int | None
) -> None:
    """With room for reasoning, within the context; a model that does not reason keeps the recipe's own."""
    config = build_config(write_thinking(tmp_path / "model", smollm2, template), **settings)
    suites = prepare_suites(config)
    settled = settle_token_limit(config, suites, LocalBackend())

    identity = build_identity(settled, suites, "process")
    assert identity["sampling"]["max_tokens"] == limit
    assert {key: identity[key] for key in ("thinking", "thinking_budget", "chat_template_args") if key in identity} == {
        key: list(value) if isinstance(value, tuple) else value
        for key, value in settings.items()
        if key not in ("max_tokens", "max_model_len")
    }


def test_a_template_that_cannot_be_switched_is_refused_before_the_run_begins(smollm2: Path, tmp_path: Path) -> None:
    """It leaves no folder behind."""
    model = write_thinking(tmp_path / "model", smollm2, OPENING)
    flags = ("-b", "humaneval", "-r", "chat", "--backend", "transformers", "--sandbox", "process", "--max-tokens", "9")
    done = harness("run", str(model), *flags, "--thinking", "off", "--out", "run", cwd=tmp_path)

    assert done.returncode == 2
    assert "--thinking off needs a switch" in one_line_error(done)
    assert not (tmp_path / "run").exists()


def test_a_run_with_a_budget_counts_apart_and_goes_on_exactly(smollm2: Path, tmp_path: Path) -> None:
    """What was lost of it is drawn again, the same; the rest is not asked for."""
    model = write_thinking(tmp_path / "model", smollm2, OPENING)
    flags = ("-b", "humaneval", "-r", "chat", "--backend", "transformers", "--limit", "2", "--sandbox", "process")
    flags += ("--thinking-budget", "5", "--max-tokens", "12", "--out", "run", "--no-page", "--no-verify")
    command = ("run", str(model), *flags)
    done = harness(*command, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    samples = tmp_path / "run" / "samples.jsonl"
    rows = read_rows(samples)

    assert [row["reasoning_tokens"] for row in rows] == [5, 5]
    assert all(row["completion_tokens"] <= 12 and split_reasoning(row["raw"]).reasoning for row in rows)
    manifest = json.loads((tmp_path / "run" / "run.json").read_text())
    assert manifest["sessions"][0]["reasoning_tokens"] == 10
    assert "5 of reasoning and" in done.stdout

    write_rows(samples, rows[:1])
    again = harness(*command, cwd=tmp_path)
    assert again.returncode == 0, again.stderr
    assert sorted(read_rows(samples), key=str) == sorted(rows, key=str)
    assert json.loads((tmp_path / "run" / "run.json").read_text())["sessions"][1]["generated"] == 1

    refused = harness(*command, "--thinking-budget", "6", cwd=tmp_path)
    assert refused.returncode == 2
    assert "thinking_budget is 5 there and 6 now" in refused.stderr


def test_a_reasoning_cut_by_the_limit_is_warned_of(smollm2: Path, tmp_path: Path) -> None:
    """It is no answer, and the card says what helps."""
    model = write_thinking(tmp_path / "model", smollm2, OPENING)
    flags = ("-b", "humaneval", "-r", "chat", "--backend", "transformers", "--limit", "1", "--sandbox", "process")
    done = harness("run", str(model), *flags, "--max-tokens", "5", "--out", "run", "--no-verify", cwd=tmp_path)

    assert done.returncode == 0, done.stderr
    (row,) = read_rows(tmp_path / "run" / "samples.jsonl")
    assert (row["raw"], row["code"], row["finish_reason"]) == ("", "", "length")
    assert row["reasoning"]
    told = "ended within their reasoning and hold no answer; give a larger --max-tokens or a --thinking-budget"
    assert f"1 samples {told}" in done.stdout
    assert told in (tmp_path / "run" / "report.html").read_text()


@pytest.mark.parametrize("field", ["", "reasoning_content", "reasoning"])
def test_each_form_of_reasoning_is_taken_off_a_servers_answers(field: str, tmp_path: Path) -> None:
    """Marked in the text, each problem's in another way, or sent apart: references behind a wrong draft pass."""
    problems = HumanEval().problems()[: len(MARKS)]
    draft = "Hm:\n```python\n{prompt}    return None\n```\n"
    answers = []
    for problem, (opening, closing) in zip(problems, MARKS, strict=True):
        thoughts = "" if field else f"{opening}\n{draft.format(prompt=problem.prompt)}{closing}\n"
        answers.append(f"{thoughts}```python\n{problem.prompt}{problem.reference}```\n")
    api = Api(texts=answers, reasoning=draft if field else "", reasoning_field=field)
    limit = str(len(problems))

    with serving(api):
        done = harness(
            *("run", f"openai:served@{api.url}", "-b", "humaneval", "-r", "chat", "--limit", limit),
            *("--batch-size", "1", "--sandbox", "process", "--no-page", "-q", "--out", tmp_path / "run"),
        )

    assert done.returncode == 0, done.stderr
    assert [row["status"] for row in read_rows(tmp_path / "run" / "verdicts.jsonl")] == ["passed"] * len(problems)
    told = {row["extraction"]["reasoning"] for row in read_rows(tmp_path / "run" / "samples.jsonl")}
    assert told == {"apart" if field else "closed"}
