"""The instructions that a run starts from.

Formats: JSON lines or a JSON list in Alpaca's form (instruction, input, output), or of plain texts; `.txt` has an
instruction per line. Without a file, our own set: code instructions with answers, written for this project.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from ..data.alpaca import parse_texts, parse_values
from ..errors import DataError, reason
from .cleaning import tidy_text

OWN = "seeds.jsonl"


@dataclass(frozen=True, slots=True, kw_only=True)
class Seed:
    """One instruction to start from; `output` is "" where a model has to answer it."""

    id: str
    instruction: str
    input: str = ""
    output: str = ""

    @property
    def whole(self) -> str:
        """Return the instruction with its input, as one text."""
        return join_input(self.instruction, self.input)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seeds:
    """A file's seeds and its digest."""

    name: str
    sha256: str
    """Hex, of the file."""
    seeds: tuple[Seed, ...]


def join_input(instruction: str, given: str) -> str:
    """Join an instruction with its input into one text."""
    return f"{instruction}\n\n{given}" if given.strip() else instruction


def read_seeds(path: Path | None = None) -> Seeds:
    """Read the seeds of `path`, or the bundled ones.

    Raises:
        DataError: it cannot be read, is empty, or a row does not fit (the message names the line).
    """
    try:
        data = path.read_bytes() if path else files("harness.evolve").joinpath(OWN).read_bytes()
        text = data.decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"seeds {path} cannot be read: {reason(error)}") from error
    name = path.name if path else OWN
    seeds = tuple(
        _parse_seed(row, number, f"seeds {path or OWN} {where}")
        for number, (where, row) in enumerate(_parse_rows(text, Path(name).suffix, f"seeds {path or OWN}"))
    )
    if not seeds:
        raise DataError(f"seeds {path or OWN} has no rows")
    return Seeds(name=name, sha256=hashlib.sha256(data).hexdigest(), seeds=seeds)


def read_alpaca_rows(path: Path) -> list[dict[str, Any]]:
    """Read the rows of any Alpaca file, with all their fields.

    Raises:
        DataError: it cannot be read, or a row does not fit.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"data {path} cannot be read: {reason(error)}") from error
    alpaca_rows = []
    for number, (where, row) in enumerate(_parse_rows(text, path.suffix, f"data {path}")):
        seed = _parse_seed(row, number, f"data {path} {where}")
        fields = {"instruction": seed.instruction, "input": seed.input, "output": seed.output}
        alpaca_rows.append({**row, **fields} if isinstance(row, dict) else fields)
    return alpaca_rows


def _parse_rows(text: str, suffix: str, where: str) -> Iterable[tuple[str, Any]]:
    if suffix == ".txt":
        return [(f"line {n}", line) for n, line in enumerate(text.splitlines(), 1) if line.strip()]
    return parse_values(text, suffix, where)


def _parse_seed(row: Any, number: int, where: str) -> Seed:
    if isinstance(row, str):
        row = {"instruction": row}
    if not isinstance(row, dict):
        raise DataError(f"{where} is {json.dumps(row)[:60]}; expected an object with an instruction, or a text")
    texts = {field: tidy_text(text) for field, text in parse_texts(row, where).items()}
    return Seed(id=f"s{number:06d}", **texts)
