"""The exact text and ids a checkpoint sees."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from harness.errors import ModelError
from harness.models.rendering import appends_eos, load_tokenizer, render_prompt
from harness.types import Prompt, RenderedPrompt
from tests.checkpoints import word_tokenizer, write_llama, write_tokenizer
from tests.commands import harness

pytest.importorskip("transformers", reason="the package transformers is not installed")

BOS = 0
HELLO = Prompt(messages=(("user", "x"),))
WITH_BOS = "<s>{% for m in messages %} {{ m['content'] }}{% endfor %}"
WITHOUT_BOS = "{% for m in messages %} {{ m['content'] }}{% endfor %}"
TWO_BOS = "<s>" + WITH_BOS
REFUSES = "{{ raise_exception('roles must alternate') }}"


def rendered(folder: Path, template: str | None, prompt: Prompt) -> RenderedPrompt:
    """`prompt` by a tokenizer that adds BOS to plain texts, read from its files."""
    return render_prompt(prompt, load_tokenizer(write_tokenizer(folder, word_tokenizer(template))), "m")


def test_a_text_gets_the_bos_that_the_tokenizer_adds(tmp_path: Path) -> None:
    """Exactly one, in front."""
    ids = rendered(tmp_path, None, Prompt(text="return x")).token_ids

    assert ids is not None
    assert [position for position, token in enumerate(ids) if token == BOS] == [0]


@pytest.mark.parametrize(("template", "positions"), [(WITH_BOS, [0]), (WITHOUT_BOS, [])])
def test_a_chat_gets_the_bos_that_its_template_writes(template: str, positions: list[int], tmp_path: Path) -> None:
    """One or none: the tokenizer adds no second."""
    ids = rendered(tmp_path, template, HELLO).token_ids

    assert ids is not None
    assert [position for position, token in enumerate(ids) if token == BOS] == positions


@pytest.mark.parametrize(("template", "prompt"), [(None, Prompt(text="<s> return x")), (TWO_BOS, HELLO)])
def test_two_bos_in_front_are_an_error(template: str | None, prompt: Prompt, tmp_path: Path) -> None:
    """Whether a text brings one of its own or a template writes two."""
    with pytest.raises(ModelError, match='model "m": the prompt begins with 2 BOS tokens, ids \\[0, 0'):
        rendered(tmp_path, template, prompt)


@pytest.mark.parametrize(("template", "message"), [(None, "has no chat template; choose"), (REFUSES, "must alternate")])
def test_a_chat_that_cannot_be_templated_is_one_line(template: str | None, message: str, tmp_path: Path) -> None:
    """No template, or one that refuses."""
    with pytest.raises(ModelError) as caught:
        rendered(tmp_path, template, HELLO)

    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_prefill_ends_the_prompt(tmp_path: Path) -> None:
    """The reply begins with it, after the template's own opening."""
    plain = rendered(tmp_path, WITH_BOS, HELLO)
    filled = rendered(tmp_path, WITH_BOS, Prompt(messages=HELLO.messages, prefill=" return"))

    assert filled.text == plain.text + " return"
    assert filled.token_ids is not None
    assert plain.token_ids is not None
    assert len(filled.token_ids) == len(plain.token_ids) + 1


def test_smollm2_chats_as_its_own_template_does(smollm2: Path) -> None:
    """The same ids as the library's one step from messages to ids."""
    tokenizer = load_tokenizer(smollm2)
    expected = tokenizer.apply_chat_template(
        [{"role": "user", "content": "hello"}], add_generation_prompt=True, return_dict=False
    )

    shown = render_prompt(Prompt(messages=(("user", "hello"),)), tokenizer, "smollm2")

    assert list(shown.token_ids or ()) == expected
    assert shown.text.endswith("<|im_start|>user\nhello<|im_end|>\n<|im_start|>assistant\n")


def test_smollm2_adds_no_bos_to_a_text(smollm2: Path) -> None:
    """Its tokenizer has none to add, and the ids stand for the text alone."""
    tokenizer = load_tokenizer(smollm2)

    shown = render_prompt(Prompt(text="def f():\n    return 1\n"), tokenizer, "smollm2")

    assert tokenizer.decode(list(shown.token_ids or ())) == "def f():\n    return 1\n"


@pytest.mark.parametrize("content", [None, "{", "{}"])
def test_a_missing_or_damaged_tokenizer_is_one_line(content: str | None, tmp_path: Path) -> None:
    """The folder is named."""
    if content is not None:
        (tmp_path / "tokenizer.json").write_text(content, encoding="utf-8")
        (tmp_path / "tokenizer_config.json").write_text(content, encoding="utf-8")

    with pytest.raises(ModelError, match="has no tokenizer") as caught:
        load_tokenizer(tmp_path)

    assert "\n" not in str(caught.value)


APPENDING = [{"frame": "<s> $A </s>"}, {"add_bos_token": True, "add_eos_token": True}, {"add_eos_token": True}]
"""A post-processor that appends EOS, and the settings of tokenizers that have one made."""


@pytest.mark.parametrize("settings", APPENDING, ids=["post-processor", "both settings", "add_eos_token"])
def test_an_eos_that_the_tokenizer_appends_is_removed(settings: dict[str, Any], tmp_path: Path) -> None:
    """A model asked after the end has nothing to say; BOS in front and an EOS of the text itself stay."""
    tokenizer = load_tokenizer(write_tokenizer(tmp_path, word_tokenizer(**settings)))
    plain, ending = "return x", "return x</s>"

    assert tokenizer(plain)["input_ids"][-1] == tokenizer.eos_token_id
    assert appends_eos(tokenizer)
    assert render_prompt(Prompt(text=plain), tokenizer, "m").token_ids == tuple(tokenizer(plain)["input_ids"][:-1])
    ids = render_prompt(Prompt(text=ending), tokenizer, "m").token_ids
    assert ids == tuple(tokenizer(ending)["input_ids"][:-1])
    assert ids[-1] == tokenizer.eos_token_id


def test_a_template_may_end_in_eos(tmp_path: Path) -> None:
    """Its wish, as a text's own, whether the tokenizer appends one or not."""
    template = WITH_BOS + "</s>"
    for frame in ("<s> $A", "<s> $A </s>"):
        tokenizer = load_tokenizer(write_tokenizer(tmp_path, word_tokenizer(template, frame=frame)))
        ids = render_prompt(HELLO, tokenizer, "m").token_ids
        assert ids is not None
        assert ids[-1] == tokenizer.eos_token_id
        assert ids[-2] != tokenizer.eos_token_id
    assert not appends_eos(word_tokenizer())


def test_a_run_says_that_prompts_are_mended(tmp_path: Path) -> None:
    """One line on stderr, and the manifest's word; without such a tokenizer neither."""
    for frame, told in (("<s> $A </s>", 1), ("<s> $A", 0)):
        folder = write_llama(tmp_path / f"m{told}", word_tokenizer(frame=frame))
        done = harness(
            *("run", folder, "-b", "humaneval", "-r", "completion", "--backend", "transformers", "--limit", "1"),
            *("--max-tokens", "2", "--no-verify", "--sandbox", "process", "--out", tmp_path / f"run{told}"),
        )
        assert done.returncode == 0, done.stderr
        model = json.loads((tmp_path / f"run{told}" / "run.json").read_text())["model"]
        assert ("appends EOS" in model.get("prompt_note", "")) == bool(told)
        assert len([line for line in done.stderr.splitlines() if "appends EOS" in line]) == told
