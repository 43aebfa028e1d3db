"""Render a prompt with a gap in the form that a model was trained to fill: prefix, suffix, middle.

Sources: the cards of StarCoder (Li et al. 2023, arXiv 2305.06161), SantaCoder (arXiv 2301.03988), CodeLlama
(arXiv 2308.12950), DeepSeek-Coder (arXiv 2401.14196) and Qwen2.5-Coder (arXiv 2409.12186). The tokens are looked up in
the checkpoint's own tokenizer, because conversions number them differently. That a checkpoint has them in its
vocabulary does not say that it was trained with them: instruction tuning may have undone it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..errors import ModelError
from ..types import Prompt, RenderedPrompt

GAP = "<FILL_ME>"
"""Stands for the gap where the tokens are not known."""
ANCHOR = "☺"
"""A text that no token joins with what follows it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InfillingTokens:
    """Special tokens of one family, in the order prefix, suffix, middle."""

    prefix: str
    suffix: str
    middle: str
    ends: tuple[str, ...]
    """Tokens that end the middle."""


FAMILIES = {
    "StarCoder": InfillingTokens(
        prefix="<fim_prefix>",
        suffix="<fim_suffix>",
        middle="<fim_middle>",
        ends=("<|endoftext|>", "<fim_pad>", "<filename>", "<file_sep>"),
    ),
    "SantaCoder": InfillingTokens(
        prefix="<fim-prefix>", suffix="<fim-suffix>", middle="<fim-middle>", ends=("<|endoftext|>", "<fim-pad>")
    ),
    "Qwen2.5-Coder": InfillingTokens(
        prefix="<|fim_prefix|>",
        suffix="<|fim_suffix|>",
        middle="<|fim_middle|>",
        ends=("<|endoftext|>", "<|fim_pad|>", "<|repo_name|>", "<|file_sep|>"),
    ),
    "DeepSeek-Coder": InfillingTokens(
        # the hole stands between prefix and suffix, and the middle follows the "end"
        prefix="<｜fim▁begin｜>",  # noqa: RUF001 - the tokens are written so
        suffix="<｜fim▁hole｜>",  # noqa: RUF001
        middle="<｜fim▁end｜>",  # noqa: RUF001
        ends=("<｜end▁of▁sentence｜>",),  # noqa: RUF001
    ),
    "CodeLlama": InfillingTokens(prefix="▁<PRE>", suffix="▁<SUF>", middle="▁<MID>", ends=("▁<EOT>", "</s>")),
}


def render_infilling(before: str, after: str, beginning: list[int], tokenizer: Any, name: str) -> RenderedPrompt:
    """Return the input that asks for the text between `before` and `after`; `beginning` are the ids in front.

    Each text is encoded by itself, so that nothing joins over a special token and none takes white space away.

    Raises:
        ModelError: the tokenizer has the infilling tokens of no known family.
    """
    tokens, (prefix, suffix, middle) = _find_family(tokenizer, name)
    before_ids = tokenizer(before, add_special_tokens=False)["input_ids"]
    ends = (_find_id(token, tokenizer) for token in tokens.ends)
    return RenderedPrompt(
        text=f"{tokens.prefix}{before}{tokens.suffix}{after}{tokens.middle}",
        token_ids=(*beginning, prefix, *before_ids, suffix, *_encode_after(after, tokenizer), middle),
        end_ids=(prefix, suffix, middle, *(token for token in ends if token is not None)),
    )


def join_around_gap(prompt: Prompt) -> str:
    """Return a text prompt to show where the model's tokens are not known, with a mark for the gap if it has one."""
    text = prompt.text or ""
    return text if prompt.suffix is None else f"{text}{GAP}{prompt.suffix}"


def _find_family(tokenizer: Any, name: str) -> tuple[InfillingTokens, list[int]]:
    """Return the tokens of the first family that the tokenizer has, and their ids."""
    for tokens in FAMILIES.values():
        ids_or_none = [_find_id(token, tokenizer) for token in (tokens.prefix, tokens.suffix, tokens.middle)]
        if len(ids := [token for token in ids_or_none if token is not None]) == len(ids_or_none):
            return tokens, ids
    raise ModelError(
        f'model "{name}": its tokenizer has no infilling tokens, such as {FAMILIES["Qwen2.5-Coder"].prefix}; choose a '
        f"recipe without them (known are those of {', '.join(FAMILIES)})"
    )


def _find_id(token: str, tokenizer: Any) -> int | None:
    """Return the id of a token; None if the vocabulary lacks it."""
    number = tokenizer.convert_tokens_to_ids(token)
    return number if number is not None and tokenizer.convert_ids_to_tokens(number) == token else None


def _encode_after(text: str, tokenizer: Any) -> list[int]:
    """Return the ids of a text within another; some tokenizers (Llama 2's) begin every text with a space."""
    lead = tokenizer(ANCHOR, add_special_tokens=False)["input_ids"]
    if not tokenizer.convert_ids_to_tokens(lead)[0].startswith("▁"):
        return list(tokenizer(text, add_special_tokens=False)["input_ids"])
    return list(tokenizer(f"{ANCHOR}{text}", add_special_tokens=False)["input_ids"][len(lead) :])
