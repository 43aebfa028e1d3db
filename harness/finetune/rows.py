"""Training rows in Alpaca's form: read exactly as they are, checked, set apart.

A source is a file (JSON lines, a JSON list, Parquet), a data set's folder (`train.jsonl`) or a folder of
`harness evolve`, whose data set lies in `dataset/`. Not promised: that an answer is right; only that there is one.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..data.alpaca import texts, values
from ..digests import digest_file
from ..errors import DataError, install_hint, reason

DATA_SET = "train.jsonl"
DATA_MANIFEST = "manifest.json"
FOLDERS = ("", "dataset")


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingRow:
    """One instruction with its answer."""

    instruction: str
    input: str
    output: str
    where: str
    """For people: "line 17"."""


def read_training_rows(source: Path) -> list[TrainingRow]:
    """The rows of `source`, in its order.

    Raises:
        DataError: it cannot be read, holds no rows, or a row does not fit or has no answer (the first is named).
    """
    file = source_file(source)
    rows = [_row(value, where, file) for where, value in _values(file)]
    if not rows:
        raise DataError(f"data {file} has no rows")
    empty = [row for row in rows if not row.output.strip()]
    if empty:
        raise DataError(
            f'data {file}: {len(empty)} of {len(rows)} rows have an empty "output", the first is {empty[0].where}; '
            "remove them, or answer them first (`harness evolve` does)"
        )
    return rows


def source_file(source: Path) -> Path:
    """The file of rows that `source` names: itself, or the data set's in a folder.

    Raises:
        DataError: there is none.
    """
    if source.is_file():
        return source
    if source.is_dir():
        for folder in FOLDERS:
            if (found := source / folder / DATA_SET).is_file():
                return found
        raise DataError(f"data {source} has no {DATA_SET}, and no dataset/{DATA_SET} either; name a file of rows")
    raise DataError(f"data {source} does not exist")


def source_digest(source: Path) -> str:
    """SHA-256 (hex) of the file of rows.

    Raises:
        DataError: there is none.
    """
    return digest_file(source_file(source))


def data_manifest(source: Path) -> dict[str, Any] | None:
    """Return what the data set's own manifest says, where it lies beside the rows and is of these rows."""
    file = source_file(source)
    manifest = file.parent / DATA_MANIFEST
    if not manifest.is_file():
        return None
    try:
        found = json.loads(manifest.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"data manifest {manifest} cannot be read: {reason(error)}") from error
    files = found.get("files") if isinstance(found, dict) else None
    if not isinstance(files, Mapping) or files.get(file.name) != f"sha256:{digest_file(file)}":
        return None
    return dict(found)


def set_aside(rows: Sequence[TrainingRow], share: float, seed: int) -> tuple[list[TrainingRow], list[TrainingRow]]:
    """The rows to train on and the held-out ones, both in their order; the seed decides which.

    Raises:
        DataError: a part would be empty.
    """
    count = round(share * len(rows))
    if not 0 < count < len(rows):
        raise DataError(f"held_out is {share} of {len(rows)} rows, which leaves one part empty")
    chosen = set(random.Random(seed).sample(range(len(rows)), count))  # noqa: S311 - no secret
    kept = [row for at, row in enumerate(rows) if at not in chosen]
    return kept, [row for at, row in enumerate(rows) if at in chosen]


def rows_digest(rows: Iterable[TrainingRow]) -> str:
    """SHA-256 (hex) of the rows' three texts, whatever file they came from."""
    total = hashlib.sha256()
    for row in rows:
        total.update(json.dumps([row.instruction, row.input, row.output]).encode() + b"\n")
    return total.hexdigest()


def _values(file: Path) -> Iterator[tuple[str, Any]]:
    if file.suffix == ".parquet":
        yield from _parquet(file)
        return
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"data {file} cannot be read: {reason(error)}") from error
    yield from values(text, file.suffix, f"data {file}")


def _parquet(file: Path) -> Iterator[tuple[str, Any]]:
    try:
        parquet = importlib.import_module("pyarrow.parquet")
    except ImportError as error:
        raise DataError(f"data {file} needs the package pyarrow: {install_hint('train')}") from error
    try:
        values = parquet.read_table(file).to_pylist()
    except (OSError, ValueError) as error:  # pyarrow's own errors are ValueErrors
        raise DataError(f"data {file} is not Parquet: {error}") from error
    yield from ((f"row {number}", value) for number, value in enumerate(values, 1))


def _row(value: Any, where: str, file: Path) -> TrainingRow:
    if not isinstance(value, dict):
        raise DataError(f"data {file} {where} is {json.dumps(value)[:60]}; expected instruction, input and output")
    return TrainingRow(where=where, **texts(value, f"data {file} {where}"))
