"""Completions with reasoning before the answer, from a real checkpoint and from a server."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from harness.errors import ModelError, UsageError
from harness.extraction.reasoning import split_reasoning
from harness.models.loading import open_model
from harness.models.options import ModelOptions
from harness.tasks.thinking import REASONING_TOKENS, complete, find_token_limit
from harness.types import Completion, Model, Prompt, Request, SamplingParams
from tests.checkpoints import OPENING, write_thinking
from tests.models.api_server import Api, serving

pytest.importorskip("torch", reason="the package torch is not installed")
pytest.importorskip("transformers", reason="the package transformers is not installed")

PROMPT = Prompt(messages=(("user", "What is the capital of France?"),))
FLOAT32 = ModelOptions(dtype="float32")


@pytest.fixture(scope="module")
def model(smollm2: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Model]:
    """A real checkpoint whose template opens a reasoning, which it does not close by itself."""
    folder = write_thinking(tmp_path_factory.mktemp("opening") / "model", smollm2, OPENING)
    with open_model(str(folder), backend="transformers", options=FLOAT32) as opened:
        yield opened


def ask(
    model: Model, prompt: Prompt, *, budget: int | None = None, count: int = 1, start: int = 0, **params: object
) -> list[Completion]:
    request = Request(request_id="r", prompt=prompt, start=start, count=count, seed=5 + start)
    sampling = replace(SamplingParams(max_tokens=16), **params)  # type: ignore[arg-type]
    found = sorted(complete(model, [request], sampling, budget=budget), key=lambda one: one.index)
    assert [one.index for one in found] == list(range(start, start + count))
    return [one.completion for one in found]


def test_a_reasoning_that_the_template_opened_and_nothing_closed_is_no_answer(model: Model) -> None:
    """All that came is reasoning, and all tokens are its."""
    (completion,) = ask(model, PROMPT)

    assert completion.text == ""
    assert "Paris" in completion.reasoning
    assert completion.reasoning_tokens == completion.completion_tokens


def test_a_budget_closes_the_reasoning_and_the_answer_follows(model: Model) -> None:
    """The text is one; the first part is what came without a budget, and the tokens add up."""
    (whole,) = ask(model, PROMPT)
    (completion,) = ask(model, PROMPT, budget=4)

    parted = split_reasoning(completion.text)
    assert parted.closed
    assert whole.reasoning.startswith(parted.reasoning.rstrip("\n"))
    assert parted.answer.strip()
    assert completion.reasoning_tokens == 4
    rendered = replace(PROMPT, prefill=completion.text.removesuffix(parted.answer.lstrip("\n")))
    rest = next(iter(model.generate([Request(request_id="s", prompt=rendered)], SamplingParams(max_tokens=12))))
    assert completion.text.endswith(rest.completion.text)
    assert completion.completion_tokens == 4 + (rest.completion.completion_tokens or 0)
    assert completion.prompt_tokens == whole.prompt_tokens


def test_a_sample_does_not_depend_on_how_many_are_asked_for(model: Model) -> None:
    """Drawn again alone, as a resumed run does, it is the same."""
    drawn = ask(model, PROMPT, budget=4, count=3, temperature=0.8)
    again = ask(model, PROMPT, budget=4, start=2, temperature=0.8)

    assert drawn[2:] == again
    assert len({completion.text for completion in drawn}) > 1


def test_a_completion_without_reasoning_goes_on_from_where_the_budget_cut_it(smollm2: Path) -> None:
    """Without any mark: it had not begun to reason."""
    with open_model(str(smollm2), backend="transformers", options=FLOAT32) as plain:
        (whole,) = ask(plain, PROMPT)
        (completion,) = ask(plain, PROMPT, budget=4)

    assert (completion.text, completion.completion_tokens) == (whole.text, whole.completion_tokens)
    assert completion.reasoning_tokens is None


def test_stop_strings_do_not_act_within_the_reasoning(model: Model) -> None:
    """The first that counts is that after the closing mark."""
    (plain,) = ask(model, PROMPT, budget=4)
    parted = split_reasoning(plain.text)
    letter = next(letter for letter in parted.answer.strip()[1:] if letter in parted.reasoning)
    (completion,) = ask(model, PROMPT, budget=4, stop=(letter,))

    assert completion.finish_reason == "stop"
    assert letter in split_reasoning(completion.text).reasoning
    assert plain.text.startswith(completion.text)
    assert split_reasoning(completion.text).answer == parted.answer.partition(letter)[0]


def test_a_budget_must_leave_room_for_the_answer(model: Model) -> None:
    """Both numbers are told."""
    with pytest.raises(UsageError, match="budget of 16 tokens leaves none of the 16"):
        ask(model, PROMPT, budget=16)


def test_the_default_limit_has_room_for_reasoning_within_the_context(model: Model, smollm2: Path) -> None:
    """None where the model does not reason; the budget where there is one."""
    assert find_token_limit(model, PROMPT, 768, 100) == 868
    # SmolLM2's context is smaller than the allowance.
    assert find_token_limit(model, PROMPT, 768, None) == 8192 < REASONING_TOKENS
    plain = open_model(str(smollm2), backend="transformers", options=FLOAT32)
    assert find_token_limit(plain, PROMPT, 768, None) is None


def test_a_server_that_cannot_go_on_is_refused_a_budget() -> None:
    """Only vLLM and SGLang are known to continue a reply."""
    with serving(Api()) as api, open_model(f"openai:{api.model}@{api.url}") as served:
        with pytest.raises(ModelError, match="--thinking-budget needs a model that goes on") as caught:
            ask(served, PROMPT, budget=4)
        assert caught.value.exit_code == 2
        assert api.requests == []


def test_a_server_goes_on_from_the_reasoning_that_it_sent() -> None:
    """It gets its own reasoning between marks, closed, as the beginning of the reply."""
    with serving(Api(owned_by="vllm")) as api, open_model(f"openai:{api.model}@{api.url}") as served:
        api.reasoning, api.text, api.finish_reason = "Paris it is", "", "length"
        (completion,) = ask(served, PROMPT, budget=5)

    assert api.requests[1]["messages"][-1] == {"role": "assistant", "content": "<think>\nParis it is\n</think>\n\n"}
    assert api.requests[1]["continue_final_message"] is True
    assert [body["max_tokens"] for body in api.requests] == [5, 11]
    assert completion.completion_tokens == 10


def test_a_servers_reasoning_that_a_stop_string_cut_is_asked_for_again() -> None:
    """Without stop strings, and the answer is cut here."""
    with serving(Api()) as api, open_model(f"openai:{api.model}@{api.url}") as served:
        api.text = "<think>\nFirst:\ndef f\n</think>\na = 1\ndef g"
        api.obeys_stop = True
        (completion,) = ask(served, PROMPT, stop=("\ndef",))

    assert ["stop" in body for body in api.requests] == [True, False]
    assert completion.text == "<think>\nFirst:\ndef f\n</think>\na = 1"
    # No tokenizer: by the share of characters.
    assert completion.reasoning_tokens == 4
