"""Prompts with a gap: each family's tokens, in its order, by the ids of the checkpoint's own tokenizer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from harness.errors import ModelError
from harness.models.infilling import FAMILIES, GAP
from harness.models.rendering import load_tokenizer, render_prompt
from harness.models.replay import ReplayModel
from harness.models.transformers import TransformersModel
from harness.types import Prompt, Request, SamplingParams
from tests.checkpoints import word_tokenizer, write_llama, write_tokenizer
from tests.commands import harness, one_line_error, write_rows

pytest.importorskip("transformers", reason="the package transformers is not installed")

BEFORE, AFTER = "def f(x):\n    return ", "\n\nf(1)<|endoftext|>\n"
FORMS = {
    "StarCoder": ("<fim_prefix>", "<fim_suffix>", "<fim_middle>", "<|endoftext|>"),
    "SantaCoder": ("<fim-prefix>", "<fim-suffix>", "<fim-middle>", "<|endoftext|>"),
    "Qwen2.5-Coder": ("<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>", "<|file_sep|>"),
    "DeepSeek-Coder": ("<｜fim▁begin｜>", "<｜fim▁hole｜>", "<｜fim▁end｜>", "<｜end▁of▁sentence｜>"),  # noqa: RUF001
    "CodeLlama": ("▁<PRE>", "▁<SUF>", "▁<MID>", "▁<EOT>"),
}
"""Prefix, suffix, middle and an end, as the families' cards write them."""


def byte_tokenizer(special: tuple[str, ...], *, strips: bool = False) -> Any:
    """A byte-level tokenizer that knows bytes and `special` alone, in that order; DeepSeek's tokens may strip."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    made = Tokenizer(models.BPE(vocab={one: number for number, one in enumerate(alphabet)}, merges=[]))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    made.add_special_tokens([AddedToken(token, lstrip=strips, rstrip=strips) for token in special])
    return PreTrainedTokenizerFast(tokenizer_object=made)


@pytest.mark.parametrize("strips", [False, True])
@pytest.mark.parametrize("family", [name for name in FORMS if name != "CodeLlama"])
def test_byte_level_families_get_prefix_suffix_middle(family: str, strips: bool, tmp_path: Path) -> None:
    """Their ids are looked up; white space beside the tokens stays, even where these would strip it."""
    prefix, suffix, middle, end = FORMS[family]
    tokenizer = load_tokenizer(write_tokenizer(tmp_path, byte_tokenizer(FORMS[family], strips=strips)))

    shown = render_prompt(Prompt(text=BEFORE, suffix="\n f(1)\n"), tokenizer, "m")

    texts = [tokenizer(text, add_special_tokens=False)["input_ids"] for text in (BEFORE, "\n f(1)\n")]
    first, second, third, fourth = (256 + place for place in range(4))
    assert shown.text == f"{prefix}{BEFORE}{suffix}\n f(1)\n{middle}"
    assert shown.token_ids == (first, *texts[0], second, *texts[1], third)
    assert {first, second, third, fourth} <= set(shown.end_ids)
    assert tokenizer.convert_tokens_to_ids(end) == fourth


def space_tokenizer(special: tuple[str, ...]) -> Any:
    """Characters alone, and a space before every text, as Llama 2's; adds BOS in front."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    characters = ["<s>", "</s>", "<unk>", "▁", "\n", "☺", *"defx(:)=1"]
    vocabulary = {one: number for number, one in enumerate(characters)}
    made = Tokenizer(models.BPE(vocab=vocabulary, merges=[], unk_token="<unk>"))
    made.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first", split=False)
    made.decoder = decoders.Metaspace()
    made.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 0)])
    made.add_special_tokens(list(special))
    return PreTrainedTokenizerFast(tokenizer_object=made, bos_token="<s>", eos_token="</s>", unk_token="<unk>")


@pytest.mark.parametrize("fillers", [(), ("<a>", "<b>")])
def test_code_llama_encodes_the_suffix_without_a_leading_space(fillers: tuple[str, ...], tmp_path: Path) -> None:
    """BOS, the prefix as any text, the suffix as what follows a text; the tokens' numbers differ by conversion."""
    made = space_tokenizer((*fillers, *FORMS["CodeLlama"]))
    tokenizer = load_tokenizer(write_tokenizer(tmp_path, made))
    pre, suf, mid, eot = tokenizer.convert_tokens_to_ids(list(FORMS["CodeLlama"]))

    shown = render_prompt(Prompt(text="def x", suffix="\n  x"), tokenizer, "m")

    spelled = ["<s>", "▁<PRE>", *"▁def▁x", "▁<SUF>", *"\n▁▁x", "▁<MID>"]
    assert shown.token_ids == tuple(tokenizer.convert_tokens_to_ids(spelled))
    assert set(shown.end_ids) == {pre, suf, mid, eot, tokenizer.eos_token_id}
    assert pre == 15 + len(fillers)


def test_an_empty_suffix_is_still_a_gap(tmp_path: Path) -> None:
    """The tokens stay, as in training."""
    tokenizer = load_tokenizer(write_tokenizer(tmp_path, byte_tokenizer(FORMS["StarCoder"])))

    assert render_prompt(Prompt(text="x", suffix=""), tokenizer, "m").text == "<fim_prefix>x<fim_suffix><fim_middle>"


def test_a_tokenizer_without_infilling_tokens_is_refused_in_one_line(tmp_path: Path) -> None:
    """With the families that are known; two tokens of three are none."""
    tokenizer = load_tokenizer(write_tokenizer(tmp_path, byte_tokenizer(FORMS["StarCoder"][:2])))

    with pytest.raises(ModelError, match='model "m": its tokenizer has no infilling tokens') as caught:
        render_prompt(Prompt(text="x", suffix="y"), tokenizer, "m")

    assert "\n" not in str(caught.value)
    assert all(family in str(caught.value) for family in FAMILIES)


def test_a_model_ends_where_a_family_ends_the_middle(tmp_path: Path) -> None:
    """Weights at random reach one of four tokens of 260 that end an infilling, and go on past it in a plain prompt."""
    folder = write_llama(tmp_path, byte_tokenizer(FORMS["StarCoder"]))
    params = SamplingParams(temperature=2.0, max_tokens=200)

    with TransformersModel("m", folder) as model:
        ends = {}
        for suffix in (None, "y"):
            prompt = Prompt(text="def x", suffix=suffix)
            requests = [Request(request_id=str(number), prompt=prompt, seed=number) for number in range(8)]
            ends[suffix] = [one.completion.finish_reason for one in model.generate(requests, params)]

    assert ends[None] == ["length"] * 8
    assert ends["y"].count("stop") >= 4


def test_models_without_a_tokenizer_show_the_gap(tmp_path: Path) -> None:
    """So that equal prompts with other suffixes are not taken for one another."""
    file = write_rows(tmp_path / "samples.jsonl", [{"task_id": "T/0", "completion": ""}])

    assert ReplayModel(file).render(Prompt(text="x", suffix="y")).text == f"x{GAP}y"


@pytest.mark.data
def test_a_checkpoint_without_the_tokens_is_refused_before_it_is_loaded(tmp_path: Path) -> None:
    """By the command line: one line, exit code 2."""
    write_llama(tmp_path / "model", word_tokenizer())
    asked = ("run", tmp_path / "model", "-b", "humaneval-infilling-random-span-light", "--backend", "transformers")

    refused = harness(*asked, "--recipe", "fim", "--sandbox", "process", "--out", tmp_path / "run")

    assert refused.returncode == 2, refused.stderr
    assert "has no infilling tokens" in one_line_error(refused)
