"""`harness ask`: a person's own instructions, in the checkpoint's format."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from harness.errors import HarnessError
from harness.evaluation.ask import Question, ask, read_questions
from harness.tasks.recipes import recipe
from harness.types import SamplingParams
from tests.commands import COMMAND, harness, one_line_error, write_rows
from tests.models.api_server import Api, serving

LINE = "Below is an instruction that describes a task. Write a response that appropriately completes the request."
WITH_INPUT = (
    "Below is an instruction that describes a task, paired with an input that provides further context. "
    "Write a response that appropriately completes the request."
)


@pytest.mark.parametrize(
    ("name", "context", "text"),
    [
        ("wizardcoder", "", f"{LINE}\n\n### Instruction:\nAdd    two.\n\n### Response:"),
        ("wizardcoder-humaneval", "", f"{LINE}\n\n### Instruction:\nAdd    two.\n\n### Response:"),
        (
            "alpaca",
            "x = 1",
            f"{WITH_INPUT}\n\n### Instruction:\nAdd    two.\n\n### Input:\nx = 1\n\n### Response:",
        ),
        ("completion", "", "Add    two."),
        ("completion", "x = 1", "Add    two.\n\nx = 1"),
    ],
)
def test_an_instruction_is_asked_in_the_bytes_of_training(name: str, context: str, text: str) -> None:
    """Not in those of a benchmark's script; a base model gets the bare text."""
    assert recipe(name).ask("Add    two.", context).text == text


def test_a_chat_is_one_message_of_the_user() -> None:
    """With what it is about below it."""
    assert recipe("chat").ask("Explain.", "x = 1").messages == (("user", "Explain.\n\nx = 1"),)


def served(api: Api, *arguments: str | Path, given: str = "") -> subprocess.CompletedProcess[str]:
    command = [*COMMAND, "ask", f"openai:{api.model}@{api.url}", *map(str, arguments)]
    return subprocess.run(command, input=given, capture_output=True, text=True, timeout=60, check=False)


def test_the_answer_alone_is_on_stdout(tmp_path: Path) -> None:
    """And the exact prompt on stderr, where it is asked for."""
    pytest.importorskip("openai", reason="the package openai is not installed")
    (tmp_path / "code.py").write_text("x = 1\n", encoding="utf-8")
    with serving(Api()) as api:
        done = served(api, "Explain.", "-r", "alpaca", "--show-prompt", "--input", tmp_path / "code.py")

    prompt = f"{WITH_INPUT}\n\n### Instruction:\nExplain.\n\n### Input:\nx = 1\n\n### Response:"
    assert (done.returncode, done.stdout) == (0, "    return 0\n\n")
    assert done.stderr == f"--- prompt, between the lines ---\n{prompt}\n--- answer ---\n"
    assert api.requests[0]["prompt"] == prompt
    assert api.requests[0]["stop"] == ["\n### Instruction:"]


@pytest.mark.parametrize("apart", [True, False])
def test_reasoning_is_shown_apart_from_the_answer(*, apart: bool) -> None:
    """On stderr, below a heading; as JSON both are fields, and --quiet leaves it out."""
    pytest.importorskip("openai", reason="the package openai is not installed")
    answers = Api(reasoning="Add them.", text="x + y") if apart else Api(text="<think>\nAdd them.\n</think>\n\nx + y")
    with serving(answers) as api:
        done = served(api, "Add x and y.", "-r", "chat", "--thinking", "on")
        quiet = served(api, "Add x and y.", "-r", "chat", "--quiet")
        (data,) = json.loads(served(api, "Add x and y.", "-r", "chat", "--json").stdout)

    assert (done.returncode, done.stdout, quiet.stdout, quiet.stderr) == (0, "x + y\n", "x + y\n", "")
    assert done.stderr == "--- reasoning ---\n\nAdd them.\n\n--- answer ---\n"
    assert (data["reasoning"], data["answer"]) == ("\nAdd them.\n", "x + y")
    assert api.requests[0]["chat_template_kwargs"] == {"enable_thinking": True, "thinking": True}
    assert (api.requests[0]["max_tokens"], api.requests[1]["max_tokens"]) == (768 + 16384, 768)


def test_reasoning_that_never_ended_is_said() -> None:
    """With what to do."""
    pytest.importorskip("openai", reason="the package openai is not installed")
    with serving(Api(text="<think>\nAdd them")) as api:
        done = served(api, "Add x and y.", "-r", "chat")

    assert done.stdout == "\n"
    assert "no answer came after it; give a larger --max-tokens" in done.stderr


def test_standard_input_is_an_instruction() -> None:
    """All of it is one."""
    pytest.importorskip("openai", reason="the package openai is not installed")
    with serving(Api()) as api:
        done = served(api, "-r", "chat", "--max-tokens", "7", given="Complete:\n\ndef f():\n")

    assert done.stdout == "    return 0\n\n"
    assert done.stderr == ""
    (asked,) = api.requests
    assert asked["messages"] == [{"role": "user", "content": "Complete:\n\ndef f():"}]
    assert asked["max_tokens"] == 7


def test_a_file_of_instructions_is_asked_in_one_load(tmp_path: Path) -> None:
    """Each answer under its number; a model that cannot give pieces gives the whole."""
    answers = write_rows(
        tmp_path / "a.jsonl", [{"task_id": str(number), "text": f"answer {number}"} for number in (1, 2)]
    )
    file = write_rows(tmp_path / "q.jsonl", [{"instruction": "One?"}, {"instruction": "Two?", "input": "x"}])

    done = harness("ask", f"replay:{answers}", "--file", file, "-r", "chat")

    assert (done.returncode, done.stdout) == (0, "answer 1\nanswer 2\n")
    assert done.stderr == "--- 1 of 2: One? ---\n--- 2 of 2: Two? ---\n"


def test_a_text_file_has_an_instruction_per_line(tmp_path: Path) -> None:
    """Empty lines are none."""
    (tmp_path / "q.txt").write_text("One?\n\n  Two?\n", encoding="utf-8")

    assert read_questions(tmp_path / "q.txt") == [Question(instruction="One?"), Question(instruction="Two?")]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("q.jsonl", '{"instruction": "a"}\n{"text": "b"}\n', r"q\.jsonl line 2 is no JSON object with \"instruction\""),
        ("q.jsonl", '{"instruction": 1}\n', "line 1: .* must be texts"),
        ("q.jsonl", "[]", "line 1 is no JSON object"),
        ("q.txt", "\n\n", "holds none"),
    ],
)
def test_a_file_that_does_not_fit_is_named_by_its_line(name: str, content: str, message: str, tmp_path: Path) -> None:
    """Before a model is loaded."""
    (tmp_path / name).write_text(content, encoding="utf-8")
    with pytest.raises(HarnessError, match=message):
        read_questions(tmp_path / name)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["replay:x", "  "], "there is no instruction"),
        (["replay:x", "a", "--file", "b"], "--file holds the instructions"),
        (["replay:x", "a", "--input", "none.py"], "--input none.py cannot be read"),
        (["./somewhere", "a"], "has no recipe of its own; name one with --recipe"),
        (["replay:x", "a", "--temperature", "-1"], "temperature is -1.0"),
        (["replay:none", "a", "-r", "chat"], "replay file none cannot be read"),
    ],
)
def test_a_wrong_use_is_one_line_and_exit_2(arguments: list[str], message: str, tmp_path: Path) -> None:
    """As everywhere."""
    done = harness("ask", *arguments, cwd=tmp_path)

    assert message in one_line_error(done)
    assert done.returncode == 2


def test_transformers_streams_what_it_answers_at_once(tiny_llama: Path) -> None:
    """The pieces are the text of a run's greedy completion."""
    params = SamplingParams(max_tokens=12)
    questions = [Question(instruction="def add(x, y):\n"), Question(instruction="x")]
    exchanges = ask(str(tiny_llama), questions, recipe="completion", backend="transformers", max_tokens=12)
    streamed = [list(exchange.pieces) for exchange in exchanges]

    from harness.models.loading import open_model
    from harness.types import Prompt, Request

    requests = [Request(request_id=q.instruction, prompt=Prompt(text=q.instruction)) for q in questions]
    with open_model(str(tiny_llama), backend="transformers") as model:
        whole = {found.request_id: found.completion.text for found in model.generate(requests, params)}

    assert ["".join(pieces) for pieces in streamed] == [whole[question.instruction] for question in questions]
    assert all(len(pieces) > 1 for pieces in streamed)
