"""Encode rows as token ids of prompt and answers; the prompt comes from the code and the recipe of evaluation.

`Recipe.ask` makes the prompt and `models.rendering` its ids, so a checkpoint is evaluated on the ids it was trained on.
The answer follows directly and ends with the EOS id, which is appended as an id. If a tokenizer would merge the
prompt's last token with the answer's first one, they stay separate, because evaluation ends with the prompt's tokens.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ..errors import DataError, ModelError
from ..models.rendering import encode_beginning, render_prompt
from ..tasks.prompt_format import Recipe
from ..types import RenderedPrompt
from .rows import TrainingRow

ANCHOR = "\n"
"""Prefix of an answer that is tokenised alone, so that no tokenizer treats it as the beginning of a text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoded:
    """Rows as token ids; the lists are parallel."""

    rows: list[TrainingRow] = field(default_factory=list)
    prompts: list[RenderedPrompt] = field(default_factory=list)
    answers: list[list[int]] = field(default_factory=list)
    """With their EOS; empty where answers are sampled."""
    rejected: list[list[int]] = field(default_factory=list)
    """Empty but for dpo."""
    room: int = 0
    """Most tokens of a sampled answer."""
    too_long: int = 0
    """Number of rows over the limit, which lost their EOS or were dropped."""
    left_out: int = 0
    """Number of dropped rows."""

    @property
    def prompt_ids(self) -> list[list[int]]:
        """Return the token ids of each row's prompt."""
        return [list(prompt.token_ids or ()) for prompt in self.prompts]

    @property
    def input_ids(self) -> list[list[int]]:
        """Return the token ids of each row's prompt and answer."""
        return [prompt + answer for prompt, answer in zip(self.prompt_ids, self.answers, strict=True)]

    @property
    def completion_mask(self) -> list[list[int]]:
        """Return masks of `input_ids`: 1 for the answer and its EOS, which carry the loss."""
        return [
            [0] * len(prompt) + [1] * len(answer) for prompt, answer in zip(self.prompt_ids, self.answers, strict=True)
        ]

    @property
    def answer_tokens(self) -> list[int]:
        """Count the tokens of each row that carry the loss."""
        return [len(answer) + len(other) for answer, other in zip(self.answers, self.rejected, strict=True)]

    @property
    def lengths(self) -> list[int]:
        """Count the tokens of each row's longest sequence."""
        return [
            len(prompt) + max(len(answer), len(other), self.room)
            for prompt, answer, other in zip(self.prompt_ids, self.answers, self.rejected, strict=True)
        ]

    def __len__(self) -> int:
        return len(self.rows)


def encode_rows(
    rows: Sequence[TrainingRow],
    recipe: Recipe,
    tokenizer: Any,
    *,
    name: str,
    max_length: int,
    truncated: str = "drop",
    room: int = 0,
) -> Encoded:
    """Encode `rows` as token ids, without rows that leave no room for an answer.

    With `room` answers are sampled, and not encoded: each prompt leaves room for so many tokens.

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
    encoded = Encoded(room=room)
    too_long = left_out = 0
    for row in rows:
        prompt = render_prompt(recipe.ask(row.instruction, row.input), tokenizer, name)
        texts = [] if room else [row.output] if row.rejected is None else [row.output, row.rejected]
        answers = [[*_encode_answer(prompt, text, recipe, tokenizer), eos] for text in texts]
        left = max_length - len(prompt.token_ids or ())
        if max([room, *map(len, answers)]) > left:
            too_long += 1
            if truncated == "drop" or room or left <= 0:
                left_out += 1
                continue
        answer, other = [*(ids[:left] for ids in answers), [], []][:2]
        encoded.rows.append(row)
        encoded.prompts.append(prompt)
        encoded.answers.append(answer)
        encoded.rejected.append(other)
    if not encoded.rows:
        raise DataError(f"none of the {len(rows)} rows fits in {max_length} tokens; raise --max-length")
    return replace(encoded, too_long=too_long, left_out=left_out)


def _encode_answer(rendered: RenderedPrompt, answer: str, recipe: Recipe, tokenizer: Any) -> list[int]:
    """Return the ids of an answer that follows a prompt, without EOS."""
    prompt = list(rendered.token_ids or ())
    text = answer.removesuffix(tokenizer.eos_token)
    # A chat template has put its special tokens into the text already.
    whole = rendered.text + text
    text_prompt = recipe.kind == "text"
    joint = (
        encode_beginning(whole, tokenizer) if text_prompt else tokenizer(whole, add_special_tokens=False)["input_ids"]
    )
    if joint[: len(prompt)] == prompt:
        return joint[len(prompt) :]
    anchor = tokenizer(ANCHOR, add_special_tokens=False)["input_ids"]
    anchored: list[int] = tokenizer(ANCHOR + text, add_special_tokens=False)["input_ids"]
    if anchored[: len(anchor)] == anchor:
        return anchored[len(anchor) :]
    alone: list[int] = tokenizer(text, add_special_tokens=False)["input_ids"]
    return alone
