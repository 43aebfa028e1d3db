"""Engine settings that the user writes as KEY=VALUE, for what the harness has no flag of its own."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from ..errors import UsageError, suggest

OWN = {
    "model": "the checkpoint is the command's first argument",
    "tokenizer": "prompts are made by the checkpoint's own tokenizer",
    "lora_modules": "use --lora",
}
"""What cannot be set this way, and what to do instead."""


def engine_arguments(specs: Sequence[str], known: Iterable[str]) -> dict[str, Any]:
    """The settings of `KEY=VALUE` specs: the value as JSON where it is some, else as the text it is.

    Raises:
        UsageError: another form, a key the engine does not know, or one that the harness sets itself.
    """
    names = sorted(known)
    found: dict[str, Any] = {}
    for spec in specs:
        written, separator, text = spec.partition("=")
        key = written.strip().replace("-", "_")
        if not separator:
            raise UsageError(f'engine argument "{spec}" must be KEY=VALUE')
        if key in OWN:
            raise UsageError(f'engine argument "{key}" cannot be set: {OWN[key]}')
        if key not in names:
            hint = suggest(key, names, " (see vLLM's EngineArgs)")
            raise UsageError(f'engine argument "{key}" is not one of the installed vLLM.{hint}')
        found[key] = _value(text)
    return found


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
