"""Encode rows as token ids with a mask of the answer; the prompt comes from the code and the recipe of evaluation.

`Recipe.ask` makes the prompt and `models.rendering` its ids, so a checkpoint is evaluated on the ids it was trained on.
The answer follows directly and ends with the EOS id, which is appended as an id. If a tokenizer would merge the
prompt's last token with the answer's first one, they stay separate, because evaluation ends with the prompt's tokens.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from ..errors import DataError, ModelError
from ..models.rendering import encode_beginning, render_prompt
from ..tasks.prompt_format import Recipe
from .rows import TrainingRow

ANCHOR = "\n"
"""Prefix of an answer that is tokenised alone, so that no tokenizer treats it as the beginning of a text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoded:
    """Rows as token ids and masks; the lists are parallel."""

    input_ids: list[list[int]] = field(default_factory=list)
    completion_mask: list[list[int]] = field(default_factory=list)
    """1 for the answer and its EOS, which carry the loss."""
    too_long: int = 0
    """Number of rows over the limit, which lost their EOS or were dropped."""
    left_out: int = 0
    """Number of dropped rows."""

    @property
    def answer_tokens(self) -> list[int]:
        """Count the tokens of each row that carry the loss."""
        return [sum(mask) for mask in self.completion_mask]

    @property
    def tokens(self) -> int:
        """Count the tokens of all rows."""
        return sum(map(len, self.input_ids))

    def __len__(self) -> int:
        return len(self.input_ids)


def encode_rows(
    rows: Sequence[TrainingRow], recipe: Recipe, tokenizer: Any, *, name: str, max_length: int, truncated: str = "drop"
) -> Encoded:
    """Encode `rows` as token ids and answer masks, without rows that leave no room for an answer.

    Raises:
        ModelError: the tokenizer has no EOS, or refuses the prompt.
        DataError: no row is short enough.
    """
    eos = tokenizer.eos_token_id
    if eos is None:
        raise ModelError(
            f'model "{name}": its tokenizer has no EOS token, so no answer could end; '
            'set "eos_token" in its tokenizer_config.json'
        )
    ids, masks, too_long, left_out = [], [], 0, 0
    for row in rows:
        prompt, answer = _encode_row(row, recipe, tokenizer, name)
        whole = [*prompt, *answer, eos]
        if len(whole) > max_length:
            too_long += 1
            if truncated == "drop" or len(prompt) >= max_length:
                left_out += 1
                continue
        ids.append(whole[:max_length])
        masks.append(([0] * len(prompt) + [1] * (len(answer) + 1))[:max_length])
    if not ids:
        raise DataError(f"none of the {len(rows)} rows fits in {max_length} tokens; raise --max-length")
    return Encoded(input_ids=ids, completion_mask=masks, too_long=too_long, left_out=left_out)


def _encode_row(row: TrainingRow, recipe: Recipe, tokenizer: Any, name: str) -> tuple[list[int], list[int]]:
    """Return the ids of the prompt, as a model is asked with it, and those of the answer."""
    rendered = render_prompt(recipe.ask(row.instruction, row.input), tokenizer, name)
    prompt = list(rendered.token_ids or ())
    text = row.output.removesuffix(tokenizer.eos_token)
    # A chat template has put its special tokens into the text already.
    whole = rendered.text + text
    text_prompt = recipe.kind == "text"
    joint = (
        encode_beginning(whole, tokenizer) if text_prompt else tokenizer(whole, add_special_tokens=False)["input_ids"]
    )
    if joint[: len(prompt)] == prompt:
        return prompt, joint[len(prompt) :]
    anchor = tokenizer(ANCHOR, add_special_tokens=False)["input_ids"]
    anchored = tokenizer(ANCHOR + text, add_special_tokens=False)["input_ids"]
    if anchored[: len(anchor)] == anchor:
        return prompt, anchored[len(anchor) :]
    return prompt, tokenizer(text, add_special_tokens=False)["input_ids"]
