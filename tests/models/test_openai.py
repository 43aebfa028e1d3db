"""The OpenAI-compatible adapter, against a small server with the troubles of real ones."""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.config import RunConfig
from harness.errors import ModelError, UsageError
from harness.evaluation import pipeline
from harness.models.loading import open_model
from harness.models.openai import OpenAIModel
from harness.models.options import ModelOptions
from harness.types import Generated, Model, Prompt, Request, SamplingParams
from tests.commands import harness, one_line_error, read_rows
from tests.models.api_server import Api, serving

pytest.importorskip("openai", reason="the package openai is not installed")

KEY = "sk-test-0123456789"
DRAWN = SamplingParams(temperature=0.5, top_p=0.9, max_tokens=20, stop=("\ndef",))
TEXT = Prompt(text="def f():\n")


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    with serving(Api()) as served:
        yield served


def opened(api: Api, concurrency: int | None = None) -> Model:
    return open_model(f"openai:{api.model}@{api.url}", options=ModelOptions(batch_size=concurrency))


def ask(api: Api, requests: list[Request], params: SamplingParams = DRAWN, **more: Any) -> list[Generated]:
    with opened(api, **more) as model:
        return sorted(model.generate(requests, params), key=lambda found: (found.request_id, found.index))


def test_a_text_goes_to_completions_with_the_runs_sampling(api: Api) -> None:
    """Every sample is a request of its own, with the seed that its place gives it."""
    answers = ask(api, [Request(request_id="r", prompt=TEXT, start=4, count=3, seed=11)])

    assert sorted(body["seed"] for body in api.requests) == [11, 12, 13]
    assert [(found.index, found.completion.seed, found.completion.text) for found in answers] == [
        (4 + offset, 11 + offset, f"    return {11 + offset}\n") for offset in range(3)
    ]
    assert {key: api.requests[0][key] for key in ("model", "prompt", "temperature", "top_p", "max_tokens", "stop")} == {
        "model": "served",
        "prompt": TEXT.text,
        "temperature": 0.5,
        "top_p": 0.9,
        "max_tokens": 20,
        "stop": ["\ndef"],
    }
    first = answers[0].completion
    assert (first.finish_reason, first.prompt_tokens, first.completion_tokens) == ("stop", 3, 5)


def test_filters_beyond_openais_own_are_sent_where_they_are_asked_for(api: Api) -> None:
    """vLLM, TGI and llama.cpp know them; a server that does not would refuse every request."""
    narrow = SamplingParams(temperature=1.0, max_tokens=20, top_k=5, min_p=0.1)
    ask(api, [Request(request_id="r", prompt=TEXT)])
    ask(api, [Request(request_id="r", prompt=TEXT)], narrow)

    assert not {"top_k", "min_p"} & set(api.requests[0])
    assert (api.requests[1]["top_k"], api.requests[1]["min_p"]) == (5, 0.1)


def test_a_gaps_suffix_is_sent_and_a_refusal_of_it_is_one_line(api: Api) -> None:
    """The server knows the model's infilling tokens, or says that it does not; a plain prompt has none."""
    gap = Request(request_id="r", prompt=Prompt(text="def f():", suffix="\n\nf()\n"))
    ask(api, [gap, Request(request_id="s", prompt=TEXT)])
    api.troubles.append((400, "suffix is not currently supported"))

    with pytest.raises(ModelError, match="suffix is not currently supported") as caught:
        ask(api, [gap])

    assert {body.get("suffix") for body in api.requests[:2]} == {"\n\nf()\n", None}
    assert "\n" not in str(caught.value)


def test_a_thread_whose_event_loop_is_running_can_ask(api: Api) -> None:
    """A notebook's is."""

    async def cell() -> list[Generated]:
        return ask(api, [Request(request_id="r", prompt=TEXT)])

    (answer,) = asyncio.run(cell())
    assert answer.completion.text == "    return 0\n"


def test_messages_go_to_chat_completions(api: Api) -> None:
    """Without sampling fields where decoding is greedy."""
    prompt = Prompt(messages=(("user", "Add."),))
    (answer,) = ask(api, [Request(request_id="r", prompt=prompt)], SamplingParams(max_tokens=9))

    assert api.requests == [
        {"model": "served", "messages": [{"role": "user", "content": "Add."}], "temperature": 0.0, "max_tokens": 9}
    ]
    assert answer.completion.text == "    return 0\n"


@pytest.mark.parametrize("troubles", [[(429, "slow down"), (500, "oops"), (503, "busy")], [(0, ""), (0, "")]])
def test_troubles_that_pass_are_waited_out(api: Api, troubles: list[tuple[int, str]]) -> None:
    """Rate limits, server errors and dropped connections: the request is sent again, and answered once."""
    api.troubles += troubles
    answers = ask(api, [Request(request_id="r", prompt=TEXT)])

    assert [found.completion.text for found in answers] == ["    return 0\n"]
    assert len(api.requests) == len(troubles) + 1
    assert all(body == api.requests[0] for body in api.requests)


def test_trouble_that_stays_ends_the_run_as_infrastructure(api: Api) -> None:
    """After a bounded number of attempts, in one line."""
    api.troubles += [(429, f"limit reached for {KEY}")] * 50
    with pytest.raises(ModelError, match="goes on answering 429") as caught:
        ask(api, [Request(request_id="r", prompt=TEXT)])

    assert caught.value.exit_code == 3
    assert len(api.requests) == 9
    assert KEY not in str(caught.value)


@pytest.mark.parametrize(
    ("trouble", "message"),
    [
        ((401, f"Incorrect API key provided: {KEY}"), "refuses the key in OPENAI_API_KEY"),
        ((404, "no such path"), "refuses the request with 404: "),
        ((400, "top_p is odd"), "refuses the request with 400: .*top_p is odd"),
        ((400, "default chat template is no longer allowed"), "no chat template for it; choose a recipe with a text"),
    ],
)
def test_a_refusal_is_one_line_and_not_retried(api: Api, trouble: tuple[int, str], message: str) -> None:
    """Asking again would not help; the key is never told."""
    api.troubles.append(trouble)
    with pytest.raises(ModelError, match=message) as caught:
        ask(api, [Request(request_id="r", prompt=TEXT)])

    assert caught.value.exit_code == 2
    assert len(api.requests) == 1
    assert "\n" not in str(caught.value)
    assert KEY not in str(caught.value)


@pytest.mark.parametrize("prompt", [TEXT, Prompt(messages=(("user", "Add."),))], ids=["text", "chat"])
def test_an_answer_comes_in_pieces(prompt: Prompt, api: Api) -> None:
    """As the server sends them, from either of its two addresses."""
    with opened(api) as model:
        assert isinstance(model, OpenAIModel)
        pieces = list(model.answer(prompt, SamplingParams(temperature=0.5, max_tokens=20, seed=7)))

    assert "".join(pieces) == "    return 7\n"
    assert len(pieces) == 4
    assert api.requests[0]["stream"] is True


CHAT = Prompt(messages=(("user", "Add."),))
NO_MAX_TOKENS = (
    "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."
)
NO_TEMPERATURE = (
    "Unsupported value: 'temperature' does not support {} with this model. Only the default (1) value is supported."
)


@pytest.mark.parametrize("field", ["reasoning_content", "reasoning"])
def test_reasoning_that_comes_apart_is_no_part_of_the_answer(api: Api, field: str) -> None:
    """With the tokens that it took; DeepSeek and SGLang have one name for it, OpenRouter and new vLLM the other."""
    api.reasoning, api.reasoning_field = "Add a and b.", field
    (answer,) = ask(api, [Request(request_id="r", prompt=CHAT)])

    completion = answer.completion
    assert (completion.reasoning, completion.text) == ("Add a and b.", "    return 0\n")
    assert (completion.reasoning_tokens, completion.completion_tokens) == (2, 5)


def test_streamed_reasoning_stands_between_marks(api: Api) -> None:
    """A stream is one text, in which reasoning is marked as most models mark it."""
    api.reasoning = "Add a and b."
    with opened(api) as model:
        assert isinstance(model, OpenAIModel)
        pieces = list(model.answer(CHAT, SamplingParams(max_tokens=20)))

    assert "".join(pieces) == "<think>\nAdd a and b.\n</think>\n\n    return 0\n"


def test_settings_that_a_reasoning_model_refuses_are_left_out(api: Api) -> None:
    """If that asks for the same: the limit by its other name, stop strings cut here, the default temperature."""
    api.text = "a = 1\ndef g"
    api.refuses = {
        "max_tokens": NO_MAX_TOKENS,
        "temperature": NO_TEMPERATURE.format("1.0"),
        "stop": "Unsupported parameter: 'stop' is not supported with this model.",
        "seed": "Unrecognized request argument supplied: seed",
    }
    params = SamplingParams(temperature=1.0, max_tokens=20, stop=("\ndef",))
    with opened(api) as model:
        answers = list(model.generate([Request(request_id="r", prompt=CHAT, count=2)], params))

        assert [found.completion.text for found in answers] == ["a = 1", "a = 1"]
        assert {"max_completion_tokens", "top_p"} < set(api.requests[-1])
        assert not {"max_tokens", "temperature", "stop", "seed"} & set(api.requests[-1])
        assert [*model.describe()["not_sent"]] == ["max_tokens", "temperature", "stop", "seed"]
        assert isinstance(model, OpenAIModel)
        assert len(model.remarks) == 4
        assert "max_completion_tokens" in model.remarks[0]


@pytest.mark.parametrize(
    ("temperature", "refused", "advice"),
    [
        (0.0, {"temperature": NO_TEMPERATURE.format("0.0")}, "temperature is 0, .*--temperature 1"),
        (0.5, {"temperature": NO_TEMPERATURE.format("0.5")}, r"temperature is 0\.5, .*--temperature 1"),
        (0.5, {"top_p": "Unsupported parameter: 'top_p' is not supported with this model."}, "leave --top-p out"),
    ],
)
def test_a_refused_setting_that_would_change_the_answers_ends_the_run(
    api: Api, temperature: float, refused: dict[str, str], advice: str
) -> None:
    """A greedy run never becomes a sampled one."""
    api.refuses = refused
    with pytest.raises(ModelError, match=advice) as caught:
        ask(api, [Request(request_id="r", prompt=CHAT)], SamplingParams(temperature=temperature, top_p=0.9))

    assert caught.value.exit_code == 2
    assert "\n" not in str(caught.value)


def test_a_run_says_and_records_what_was_not_sent(api: Api, tmp_path: Path) -> None:
    """One line at the first refusal, and the manifest's facts about the model."""
    api.refuses = {"max_tokens": NO_MAX_TOKENS}
    api.reasoning = "Short."
    spec = f"openai:{api.model}@{api.url}"
    flags = ("-b", "humaneval", "-r", "chat", "--limit", "2", "--sandbox", "process", "--out", "run", "--no-page")
    done = harness("run", spec, *flags, cwd=tmp_path)

    assert done.returncode == 0, done.stderr
    assert done.stderr.count("goes to the server as max_completion_tokens") == 1
    assert [*json.loads((tmp_path / "run" / "run.json").read_text())["model"]["not_sent"]] == ["max_tokens"]
    row = read_rows(tmp_path / "run" / "samples.jsonl")[0]
    assert (row["reasoning"], row["reasoning_tokens"]) == ("Short.", 2)


def test_so_many_at_a_time_and_no_more(api: Api) -> None:
    """The bound is reached, and kept; requests are read as they are needed."""
    api.delay_s = 0.05
    answers = ask(api, [Request(request_id="r", prompt=TEXT, count=20)], concurrency=4)

    assert len(answers) == 20
    assert api.at_once == 4


def test_leaving_early_asks_for_nothing_more(api: Api) -> None:
    """Of endless requests only those under way were sent; leaving does not wait for slow answers."""
    api.delay_s = 0.05
    endless = (Request(request_id=str(number), prompt=TEXT) for number in itertools.count())
    with opened(api, concurrency=4) as model:
        answers: Any = model.generate(endless, DRAWN)
        next(answers)
        api.delay_s = 5.0
        time.sleep(0.1)
        begin = time.monotonic()
        answers.close()

    assert time.monotonic() - begin < 2
    assert len(api.requests) <= 16


def test_the_context_cuts_an_answer_or_leaves_none(api: Api) -> None:
    """Servers that refuse what does not fit are asked again for what does; a full context is an empty answer."""
    api.context = 12
    long, full = Prompt(text="x " * 10), Prompt(text="x " * 12)
    answers = ask(api, [Request(request_id="full", prompt=full), Request(request_id="long", prompt=long)])

    assert (answers[0].completion.text, answers[0].completion.finish_reason) == ("", "length")
    assert answers[1].completion.text == "    return 0\n"
    assert api.requests[-1]["max_tokens"] == 2


def test_a_model_that_is_not_served_is_said_before_anything_is_asked(api: Api) -> None:
    """With the names that are."""
    with (
        pytest.raises(ModelError, match=r'model "srved" is not served at .*; it has served'),
        opened(Api(model="srved", url=api.url)),
    ):
        pass
    assert api.requests == []


def test_without_a_server_the_address_is_named() -> None:
    """Exit 3: it may only have to be started."""
    with (
        pytest.raises(ModelError, match=r"no server answers at http://127\.0\.0\.1:9/v1") as caught,
        opened(Api(url="http://127.0.0.1:9/v1")),
    ):
        pass
    assert caught.value.exit_code == 3


@pytest.mark.parametrize(
    "spec", ["openai:m@http://user:secret@host/v1", "openai:m@http://host/v1?key=secret", "openai:"]
)
def test_an_address_that_holds_a_secret_is_refused(spec: str) -> None:
    """It would be written into the run's folder."""
    with pytest.raises(UsageError) as caught:
        open_model(spec)
    assert "secret" not in str(caught.value)


def test_a_run_goes_through_the_server_and_the_key_is_nowhere(api: Api, tmp_path: Path) -> None:
    """The key is sent with every request, and no file of the run has it."""
    config = RunConfig(
        model=f"openai:{api.model}@{api.url}",
        benchmarks=("humaneval",),
        recipe="completion",
        sandbox="process",
        limit=4,
    )
    summary = pipeline.run(config, out=tmp_path / "run")

    assert len(read_rows(tmp_path / "run" / "samples.jsonl")) == 4
    assert summary.scores[0].n_samples == 4
    assert set(api.keys) == {f"Bearer {KEY}"}
    assert all(KEY not in file.read_text(errors="replace") for file in (tmp_path / "run").iterdir())
    facts = json.loads((tmp_path / "run" / "run.json").read_text())["model"]
    assert (facts["adapter"], facts["address"], facts["served"]) == ("openai", api.url, {"owned_by": "tests"})


def test_the_command_line_takes_it_like_any_other_model(api: Api, tmp_path: Path) -> None:
    """A preview shows the text that would be sent; a recipe has to be named for a model nobody knows."""
    spec = f"openai:{api.model}@{api.url}"
    shown = harness("run", spec, "-b", "humaneval", "-r", "wizardcoder", "--preview", cwd=tmp_path)
    assert shown.stdout.endswith("### Response:\nnone: this model has no tokenizer\n")

    refused = harness("run", spec, "-b", "humaneval", cwd=tmp_path)
    assert "name one with --recipe" in one_line_error(refused)
    assert api.requests == []
