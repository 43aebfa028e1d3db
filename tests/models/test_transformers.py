"""The transformers backend, against the plainest use of the same weights."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from harness.errors import ModelError
from harness.models.loading import open_model
from harness.models.options import ModelOptions
from harness.types import Completion, Model, Prompt, Request, SamplingParams
from tests.checkpoints import word_tokenizer, write_llama

torch: Any = pytest.importorskip("torch", reason="the package torch is not installed")
pytest.importorskip("transformers", reason="the package transformers is not installed")

PROMPTS = ["def add(x, y):\n", "x", "class Stack:\n    def push(self, item):\n        ", "import os\n\nprint("]


@pytest.fixture(scope="module")
def model(tiny_llama: Path) -> Iterator[Model]:
    """The tiny checkpoint, loaded; batches of three."""
    with open_model(str(tiny_llama), backend="transformers", options=ModelOptions(batch_size=3)) as opened:
        yield opened


def ask(model: Model, requests: Sequence[Request], params: SamplingParams) -> dict[tuple[str, int], Completion]:
    """All answers by request and index; fails where one comes twice."""
    answers: dict[tuple[str, int], Completion] = {}
    for generated in model.generate(requests, params):
        key = (generated.request_id, generated.index)
        assert key not in answers
        answers[key] = generated.completion
    return answers


def asked(count: int = 1, seed: int = 0) -> list[Request]:
    return [Request(request_id=text, prompt=Prompt(text=text), count=count, seed=seed) for text in PROMPTS]


def by_hand(folder: Path, prompt: str, steps: int) -> tuple[list[int], str]:
    """The likeliest token, `steps` times, without cache or padding; the text that follows the prompt's."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    network = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    ids = tokenizer(prompt)["input_ids"]
    start = len(ids)
    with torch.inference_mode():
        for _ in range(steps):
            ids.append(int(network(torch.tensor([ids])).logits[0, -1].argmax()))
            if ids[-1] == tokenizer.eos_token_id:
                break
    before = tokenizer.decode(ids[:start], skip_special_tokens=True)
    return ids[start:], tokenizer.decode(ids, skip_special_tokens=True).removeprefix(before)


def test_greedy_is_the_likeliest_token_each_time(model: Model, tiny_llama: Path) -> None:
    """In a padded batch as in a plain loop over the model."""
    answers = ask(model, asked(), SamplingParams(max_tokens=24))

    for prompt in PROMPTS:
        tokens, text = by_hand(tiny_llama, prompt, 24)
        answer = answers[prompt, 0]
        assert (answer.text, answer.completion_tokens) == (text, len(tokens))
        assert answer.finish_reason == "length"


def test_smollm2_answers_as_by_hand(smollm2: Path) -> None:
    """A real checkpoint, up to its end-of-text token; a chat prompt is what its template makes of it."""
    # Its answer is short, and no second choice of a token is close behind the first.
    prompt = Prompt(messages=(("user", "What is the capital of France?"),))
    # On an accelerator the type would be the checkpoint's own, in which sums are not exact.
    with open_model(str(smollm2), backend="transformers", options=ModelOptions(dtype="float32")) as model:
        text = model.render(prompt).text
        answers = ask(model, [Request(request_id="r", prompt=prompt)], SamplingParams(max_tokens=48))

    tokens, expected = by_hand(smollm2, text, 48)
    assert (answers["r", 0].text, answers["r", 0].completion_tokens) == (expected, len(tokens))
    assert answers["r", 0].finish_reason == "stop"
    assert expected


def test_a_stop_string_ends_the_answer_before_it(model: Model) -> None:
    """The text up to it, and the tokens up to the one that completed it."""
    prompt = PROMPTS[0]
    (whole,) = ask(model, asked()[:1], SamplingParams(max_tokens=24)).values()
    stop = whole.text[len(whole.text) // 2 :][:4]

    (answer,) = ask(model, asked()[:1], SamplingParams(max_tokens=24, stop=("never there", stop))).values()

    assert answer.text == whole.text[: whole.text.index(stop)]
    assert answer.finish_reason == "stop"
    tokens = model.render(Prompt(text=prompt)).token_ids
    assert tokens is not None
    assert answer.prompt_tokens == len(tokens)
    assert 0 < (answer.completion_tokens or 0) < 24


def test_a_stopped_row_does_not_stop_its_batch(model: Model) -> None:
    """The others of the batch are as they are without the stop string."""
    plain = ask(model, asked(), SamplingParams(max_tokens=24))
    stop = plain[PROMPTS[0], 0].text[:6]
    untouched = [prompt for prompt in PROMPTS if stop not in plain[prompt, 0].text]

    stopped = ask(model, asked(), SamplingParams(max_tokens=24, stop=(stop,)))

    assert stopped[PROMPTS[0], 0].text == ""
    assert untouched
    assert all(stopped[prompt, 0] == plain[prompt, 0] for prompt in untouched)


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_an_answer_does_not_depend_on_its_batch(temperature: float, model: Model, tiny_llama: Path) -> None:
    """Batches of three and of one give the same texts."""
    params = SamplingParams(max_tokens=16, temperature=temperature, top_p=0.9)

    together = ask(model, asked(count=2, seed=5), params)
    with open_model(str(tiny_llama), backend="transformers", options=ModelOptions(batch_size=1)) as single:
        alone = ask(single, asked(count=2, seed=5), params)

    assert together == alone


def test_seeds_decide_the_samples(model: Model) -> None:
    """Samples of a prompt differ; sample 2 is the same whether or not 0 and 1 are asked for with it."""
    params = SamplingParams(max_tokens=16, temperature=1.0)
    first = asked(count=3, seed=7)[:1]

    samples = ask(model, first, params)
    third = ask(model, [Request(request_id="r", prompt=first[0].prompt, start=2, seed=9)], params)

    assert len({answer.text for answer in samples.values()}) == 3
    assert third["r", 2] == samples[PROMPTS[0], 2]
    assert ask(model, first, params) == samples


@pytest.mark.parametrize("narrow", [{"top_k": 1}, {"min_p": 0.999}, {"top_p": 1e-6}])
def test_a_filter_that_leaves_one_token_makes_sampling_greedy(narrow: dict[str, Any], model: Model) -> None:
    """Each of the three filters alone; without them the samples differ from it."""
    greedy = ask(model, asked(), SamplingParams(max_tokens=16))
    drawn = ask(model, asked(), SamplingParams(max_tokens=16, temperature=1.0))
    filtered = ask(model, asked(), SamplingParams(max_tokens=16, temperature=1.0, **narrow))

    assert {key: answer.text for key, answer in filtered.items()} == {key: text.text for key, text in greedy.items()}
    assert {key: answer.text for key, answer in drawn.items()} != {key: text.text for key, text in greedy.items()}


def test_samples_follow_the_models_distribution(model: Model, tiny_llama: Path) -> None:
    """The first token of many samples is as frequent as the softmax says."""
    from transformers import AutoModelForCausalLM

    prompt = Prompt(text=PROMPTS[0])
    network: Any = AutoModelForCausalLM.from_pretrained(tiny_llama, dtype=torch.float32)
    with torch.inference_mode():
        logits = network(torch.tensor([model.render(prompt).token_ids])).logits[0, -1]
    # So cold that few tokens share nearly all of the probability.
    temperature = 0.2
    probability, token = torch.softmax(logits / temperature, -1).max(-1)
    count = 400

    params = SamplingParams(max_tokens=1, temperature=temperature)
    answers = ask(model, [Request(request_id="r", prompt=prompt, count=count)], params)

    (greedy,) = ask(model, [Request(request_id="g", prompt=prompt)], SamplingParams(max_tokens=1)).values()
    share = sum(answer.text == greedy.text for answer in answers.values()) / count
    deviation = float((probability * (1 - probability) / count) ** 0.5)
    assert 0.02 < probability < 0.98, f"token {token} leaves nothing to draw"
    assert abs(share - probability) < 4 * deviation


def test_the_context_ends_an_answer(model: Model) -> None:
    """A long prompt leaves less than `max_tokens`; one that fills the context gets an empty answer."""
    long, full = Prompt(text="x\n" * 240), Prompt(text="x\n" * 300)
    room = 512 - len(model.render(long).token_ids or ())
    assert 0 < room < 64

    requests = [Request(request_id="long", prompt=long), Request(request_id="full", prompt=full)]
    answers = ask(model, requests, SamplingParams(max_tokens=64))

    assert (answers["long", 0].completion_tokens, answers["long", 0].finish_reason) == (room, "length")
    assert (answers["full", 0].text, answers["full", 0].completion_tokens) == ("", 0)
    assert answers["full", 0].finish_reason == "length"


def test_an_answer_keeps_its_leading_space(tmp_path: Path) -> None:
    """Tokenizers as Llama 2's drop it from a text that is decoded alone; code must not lose it."""
    folder = write_llama(tmp_path, word_tokenizer())
    with open_model(str(folder), backend="transformers") as model:
        answers = ask(model, [Request(request_id="r", prompt=Prompt(text="def x"))], SamplingParams(max_tokens=8))

    _, expected = by_hand(folder, "def x", 8)
    assert expected.startswith(" ")
    assert answers["r", 0].text == expected


def test_the_description_tells_what_was_loaded(model: Model, tiny_llama: Path) -> None:
    """The dtype is the weights' own; float32 on a CPU."""
    facts = model.describe()

    expected = "float32" if not torch.cuda.is_available() else facts["dtype"]
    assert facts["device"] == ("cuda" if torch.cuda.is_available() else "cpu")
    assert (facts["adapter"], facts["path"], facts["dtype"]) == ("transformers", str(tiny_llama), expected)
    assert {"torch", "transformers"} <= set(facts["versions"])


def test_a_model_that_is_not_entered_says_so(tiny_llama: Path) -> None:
    """It renders prompts, for a preview, but has nothing to answer with."""
    model = open_model(str(tiny_llama), backend="transformers")

    assert model.render(Prompt(text="x")).token_ids
    with pytest.raises(ModelError, match="is not loaded"):
        next(model.generate(asked(), SamplingParams()))


def test_an_architecture_that_nobody_knows_is_one_line(tiny_llama: Path, tmp_path: Path) -> None:
    """The folder passes the check of its files, loading it fails."""
    folder = tmp_path / "strange"
    shutil.copytree(tiny_llama, folder)
    (folder / "config.json").write_text('{"model_type": "no_such_thing"}', encoding="utf-8")

    with (
        pytest.raises(ModelError, match=r"cannot be loaded by transformers: .*no_such_thing") as caught,
        open_model(str(folder), backend="transformers"),
    ):
        pass

    assert caught.value.exit_code == 2
    assert "\n" not in str(caught.value)
