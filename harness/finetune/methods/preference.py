"""Rows of preferences in TRL's form, as `harness data from-runs` writes them: texts, or chat messages."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ...errors import DataError
from ...tasks.prompt_format import Recipe
from ...types import Prompt
from ..examples import find_instruction


def parse_instruction(value: Mapping[str, Any], where: str, recipe: Recipe) -> str:
    """Return the instruction of a row's prompt, which must be what the recipe asks with.

    Raises:
        DataError: it is no prompt, or another recipe's.
    """
    given = value.get("prompt")
    messages = _read_messages(given)
    if not messages and not isinstance(given, str):
        raise DataError(f'{where}: "prompt" is {json.dumps(given)[:60]}; expected a text, or chat messages')
    instruction = find_instruction(Prompt(messages=messages) if messages else Prompt(text=given), recipe)
    if instruction is None:
        raise DataError(
            f'{where}: its prompt is not what the recipe "{recipe.name}" asks with; name the recipe of its run '
            "with --recipe"
        )
    return instruction


def parse_answer(value: Mapping[str, Any], field: str, where: str) -> str:
    """Return the answer in a field: a text, or one message of the assistant.

    Raises:
        DataError: it is neither, or empty.
    """
    given = value.get(field)
    messages = _read_messages(given)
    text = messages[0][1] if len(messages) == 1 else given
    if not isinstance(text, str) or not text.strip():
        raise DataError(f'{where}: "{field}" is {json.dumps(given)[:60]}; expected a text, or one chat message')
    return text


def _read_messages(given: Any) -> tuple[tuple[str, str], ...]:
    """Return chat messages as (role, content); () if `given` is something else."""
    if not isinstance(given, list):
        return ()
    pairs = [(one.get("role"), one.get("content")) for one in given if isinstance(one, dict)]
    fitting = len(pairs) == len(given) and all(isinstance(text, str) for pair in pairs for text in pair)
    return tuple((str(role), str(content)) for role, content in pairs) if fitting else ()
