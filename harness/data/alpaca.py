"""Rows in Alpaca's form, as JSON lines or a JSON list: instruction, input, output.

Source: https://github.com/tatsu-lab/stanford_alpaca (Apache-2.0). Only the instruction must have text; callers decide
whether the rest may be empty.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from ..errors import DataError

FIELDS = ("instruction", "input", "output")


def parse_values(text: str, suffix: str, what: str) -> Iterator[tuple[str, Any]]:
    """Yield the values of a file's text, each with its place: a list if `suffix` is ".json", else JSON lines.

    Raises:
        DataError: it is no JSON; the message begins with `what`, and names the line.
    """
    if suffix != ".json":
        yield from _parse_lines(text, what)
        return
    try:
        rows = json.loads(text)
    except ValueError as error:
        raise DataError(f"{what} is not JSON: {error}") from error
    if not isinstance(rows, list):
        raise DataError(f"{what} is no JSON list; JSON lines go by the name *.jsonl")
    yield from ((f"row {number}", value) for number, value in enumerate(rows, 1))


def parse_texts(row: Mapping[str, Any], where: str) -> dict[str, str]:
    """Return the three fields of a row; those that are missing are "".

    Raises:
        DataError: one is no text, or there is no instruction; the message begins with `where`.
    """
    texts = {}
    for field in FIELDS:
        value = row.get(field)
        if value is not None and not isinstance(value, str):
            raise DataError(f'{where}: "{field}" is {json.dumps(value)[:60]}, expected a text')
        texts[field] = value or ""
    if not texts["instruction"].strip():
        raise DataError(f'{where} has no "instruction"')
    return texts


def _parse_lines(text: str, what: str) -> Iterator[tuple[str, Any]]:
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            try:
                yield f"line {number}", json.loads(line)
            except ValueError as error:
                raise DataError(f"{what} line {number} is not JSON: {error}") from error
