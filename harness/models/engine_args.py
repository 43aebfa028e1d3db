"""Parse engine settings that the user writes as KEY=VALUE, if the harness has no flag for them."""

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
"""Settings that cannot be given this way -> what to do instead."""


def parse_engine_args(specs: Sequence[str], known: Iterable[str]) -> dict[str, Any]:
    """Parse `KEY=VALUE` specs; a value that is not JSON is kept as text.

    Raises:
        UsageError: another form, a key the engine does not know, or one that the harness sets itself.
    """
    names = sorted(known)
    arguments: dict[str, Any] = {}
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
        arguments[key] = _parse_value(text)
    return arguments


def _parse_value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
