"""Read training rows exactly as they are, check them, and hold some out.

A source is a file (JSON lines, a JSON list, Parquet), a data set's folder (`train.jsonl`) or a folder of
`harness evolve`, whose data set is in `dataset/`. What a row holds is its method's (`methods/`); Alpaca's form by
default, whose rows must have an answer, which may be wrong.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..data.alpaca import parse_texts, parse_values
from ..digests import digest_file
from ..errors import DataError, install_hint, reason

DATA_SET = "train.jsonl"
DATA_MANIFEST = "manifest.json"
FOLDERS = ("", "dataset")


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingRow:
    """One instruction with its answer, and what else its method asks for."""

    instruction: str
    input: str
    output: str
    where: str
    """Place for messages: "line 17"."""
    rejected: str | None = None
    """dpo: an answer to the same prompt that is worse than `output`."""
    label: bool | None = None
    """kto: whether `output` is a good answer."""
    task_id: str | None = None
    """grpo: the problem whose tests reward answers; `output` is empty."""


ParseRow = Callable[[Mapping[str, Any], str], TrainingRow]
"""Makes a row of a JSON object and its place, "line 17"; raises `DataError`, whose message begins with the place."""


def parse_alpaca_row(value: Mapping[str, Any], where: str) -> TrainingRow:
    """Return an instruction with its answer.

    Raises:
        DataError: a field does not fit.
    """
    texts = parse_texts(value, where)
    return TrainingRow(instruction=texts["instruction"], input=texts["input"], output=texts["output"], where=where)


def read_training_rows(source: Path, parse_row: ParseRow = parse_alpaca_row) -> list[TrainingRow]:
    """Read the rows of `source`, in its order.

    Raises:
        DataError: it cannot be read, holds no rows, or a row does not fit or has no answer (the first is named).
    """
    file = find_source_file(source)
    rows = [_parse_value(value, where, file, parse_row) for where, value in _read_values(file)]
    if not rows:
        raise DataError(f"data {file} has no rows")
    empty = [row for row in rows if row.task_id is None and not row.output.strip()]
    if empty:
        raise DataError(
            f'data {file}: {len(empty)} of {len(rows)} rows have an empty "output", the first is {empty[0].where}; '
            "remove them, or answer them first (`harness evolve` does)"
        )
    return rows


def find_source_file(source: Path) -> Path:
    """Return the file of rows that `source` names: itself, or the data set's in a folder.

    Raises:
        DataError: there is none.
    """
    if source.is_file():
        return source
    if source.is_dir():
        for folder in FOLDERS:
            if (file := source / folder / DATA_SET).is_file():
                return file
        raise DataError(f"data {source} has no {DATA_SET}, and no dataset/{DATA_SET} either; name a file of rows")
    raise DataError(f"data {source} does not exist")


def digest_source(source: Path) -> str:
    """Return the SHA-256 (hex) of the file of rows.

    Raises:
        DataError: there is none.
    """
    return digest_file(find_source_file(source))


def read_data_manifest(source: Path) -> dict[str, Any] | None:
    """Read the data set's own manifest; None if it is missing or of other rows."""
    file = find_source_file(source)
    for manifest in (file.with_suffix(f".{DATA_MANIFEST}"), file.parent / DATA_MANIFEST):
        if not manifest.is_file():
            continue
        try:
            values = json.loads(manifest.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise DataError(f"data manifest {manifest} cannot be read: {reason(error)}") from error
        files = values.get("files") if isinstance(values, dict) else None
        if isinstance(files, Mapping) and files.get(file.name) == f"sha256:{digest_file(file)}":
            return dict(values)
    return None


def split_rows(rows: Sequence[TrainingRow], share: float, seed: int) -> tuple[list[TrainingRow], list[TrainingRow]]:
    """Split rows into training and held-out ones, both in their order; the seed decides which.

    Raises:
        DataError: a part would be empty.
    """
    count = round(share * len(rows))
    if not 0 < count < len(rows):
        raise DataError(f"held_out is {share} of {len(rows)} rows, which leaves one part empty")
    chosen = set(random.Random(seed).sample(range(len(rows)), count))  # noqa: S311 - no secret
    kept = [row for at, row in enumerate(rows) if at not in chosen]
    return kept, [row for at, row in enumerate(rows) if at in chosen]


def digest_rows(rows: Iterable[TrainingRow]) -> str:
    """Return the SHA-256 (hex) of the rows' contents, whatever file they came from."""
    total = hashlib.sha256()
    for row in rows:
        more = [value for value in (row.rejected, row.label, row.task_id) if value is not None]
        total.update(json.dumps([row.instruction, row.input, row.output, *more]).encode() + b"\n")
    return total.hexdigest()


def _read_values(file: Path) -> Iterator[tuple[str, Any]]:
    if file.suffix == ".parquet":
        yield from _read_parquet(file)
        return
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"data {file} cannot be read: {reason(error)}") from error
    yield from parse_values(text, file.suffix, f"data {file}")


def _read_parquet(file: Path) -> Iterator[tuple[str, Any]]:
    try:
        parquet = importlib.import_module("pyarrow.parquet")
    except ImportError as error:
        raise DataError(f"data {file} needs the package pyarrow: {install_hint('train')}") from error
    try:
        values = parquet.read_table(file).to_pylist()
    except (OSError, ValueError) as error:  # pyarrow's own errors are ValueErrors
        raise DataError(f"data {file} is not Parquet: {error}") from error
    yield from ((f"row {number}", value) for number, value in enumerate(values, 1))


def _parse_value(value: Any, where: str, file: Path, parse_row: ParseRow) -> TrainingRow:
    if not isinstance(value, dict):
        raise DataError(f"data {file} {where} is {json.dumps(value)[:60]}; expected an object")
    return replace(parse_row(value, f"data {file} {where}"), where=where)
