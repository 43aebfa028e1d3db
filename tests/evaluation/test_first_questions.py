"""A benchmark that asks twice: both questions, what is kept of the answers, and what a second start asks again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.config import RunConfig
from harness.errors import UsageError
from harness.evaluation import pipeline
from harness.store import read_first_answers, read_samples
from tests.commands import harness, one_line_error, read_rows
from tests.models.api_server import USAGE, Api, serving

pytest.importorskip("openai", reason="the package openai is not installed")
pytestmark = pytest.mark.data

EXPLAIN = "humanevalpack-python@question=explain"
DESCRIPTION = "Tells whether two numbers are closer than the threshold."
BODY = "\n    return any(abs(a - b) < threshold for i, a in enumerate(numbers) for b in numbers[i + 1 :])\n"
PRICE = ("--price", "100,200")
EACH = (USAGE["prompt_tokens"] * 100 + USAGE["completion_tokens"] * 200) / 1e6


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    with serving(Api(text=BODY)) as served:
        yield served


def command(api: Api, out: Path, *flags: str) -> tuple[str | Path, ...]:
    """The first problem, one request after the other."""
    run = ("run", f"openai:{api.model}@{api.url}", "-b", "humanevalpack-python", "--question", "explain")
    return (*run, "-r", "wizardcoder", "--sandbox", "process", "--batch-size", "1", "--out", out, "--no-page", *flags)


def test_the_second_question_has_the_first_answer(api: Api, tmp_path: Path) -> None:
    """And no code that stands in it; both answers are kept, and the second is judged."""
    code = "for idx, elem in enumerate(numbers):"
    api.texts = [f"{DESCRIPTION} {code}"]

    done = harness(*command(api, tmp_path / "run", "--limit", "1", "--no-verify"))

    assert done.returncode == 0, done.stderr
    first, second = (body["prompt"] for body in api.requests)
    assert "Provide a concise natural language description" in first
    assert "distance = abs(elem - elem2)" in first
    assert first.endswith("### Response:")
    assert f"according to the description.\n{DESCRIPTION}" in second
    assert code not in second
    assert second.endswith("threshold: float) -> bool:")
    key = (EXPLAIN, "Python/0", 0)
    assert read_first_answers(tmp_path / "run")[key].completion.text == f"{DESCRIPTION} {code}"
    assert read_samples(tmp_path / "run")[key].completion.text == BODY
    assert [row["status"] for row in read_rows(tmp_path / "run" / "verdicts.jsonl")] == ["passed"]


def test_a_second_start_asks_for_what_is_missing_alone(api: Api, tmp_path: Path) -> None:
    """A first answer that is there leads to the same second question."""
    flags = ("--limit", "3", "--n", "2", "--no-verify")
    harness(*command(api, tmp_path / "run", *flags))
    asked = [body["prompt"] for body in api.requests]
    samples, verdicts = (tmp_path / "run" / name for name in ("samples.jsonl", "verdicts.jsonl"))
    for path in (samples, verdicts):  # as a killed run leaves it
        path.write_text("".join(path.read_text().splitlines(keepends=True)[:4]))

    done = harness(*command(api, tmp_path / "run", *flags))

    assert done.returncode == 0, done.stderr
    assert len(asked) == 12
    assert sorted(body["prompt"] for body in api.requests[12:]) == sorted(asked[-2:])
    assert len(read_rows(samples)) == 6


def test_both_answers_are_paid_for(api: Api, tmp_path: Path) -> None:
    """And a limit holds for both."""
    flags = ("--limit", "2", "--no-verify", *PRICE)

    stopped = harness(*command(api, tmp_path / "run", *flags, "--max-cost", str(2.5 * EACH)))
    spent = len(api.requests)
    done = harness(*command(api, tmp_path / "run", *flags, "--max-cost", "1"))

    assert stopped.returncode == 2
    assert spent == 3
    assert done.returncode == 0, done.stderr
    cost = json.loads((tmp_path / "run" / "run.json").read_text())["cost"]
    assert cost["amount"] == pytest.approx(4 * EACH)


def test_a_chat_model_is_asked_for_prose_first(api: Api, tmp_path: Path) -> None:
    """The recipe's own words, which ask for code, are those of the second question."""
    harness(*command(api, tmp_path / "run", "--limit", "1", "--no-verify", "-r", "chat"))

    first, second = (body["messages"][-1]["content"] for body in api.requests)
    assert "markdown code block" not in first
    assert "markdown code block" in second


def test_a_recipe_that_shows_no_question_is_refused(api: Api, tmp_path: Path) -> None:
    """Before anything is asked; the line names those that do."""
    done = harness(*command(api, tmp_path / "run", "-r", "completion-stripped"))

    assert done.returncode == 2
    assert "instruct" in one_line_error(done)
    assert api.requests == []


def test_a_preview_shows_the_first_question(api: Api) -> None:
    """The second one is not known."""
    config = RunConfig(model=f"openai:{api.model}@{api.url}", benchmarks=(EXPLAIN,), recipe="instruct")

    assert pipeline.preview(config).rendered.text.endswith("characters.")
    with pytest.raises(UsageError, match="first question"):
        pipeline.preview(RunConfig(model=config.model, benchmarks=(EXPLAIN,), recipe="completion-stripped"))
