"""Files written whole: a reader sees the old one or the new one, never half of either."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from .cleaning import replace_surrogates
from .journal import make_write_error


def make_folder(path: Path) -> None:
    """Create a folder and its parents if they do not exist.

    Raises:
        StoreError: it cannot be made.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise make_write_error(path, error) from error


def write_json(path: Path, value: Any) -> None:
    """Write JSON atomically. Raises as `write_text`."""
    write_text(path, json.dumps(value, indent=2, allow_nan=False) + "\n")


def write_text(path: Path, text: str) -> None:
    """Write a text file atomically as UTF-8; a lone surrogate, which UTF-8 cannot hold, becomes U+FFFD.

    Raises:
        StoreError: the file cannot be written.
    """
    _replace_file(path, [replace_surrogates(text).encode()])


def write_bytes(path: Path, data: bytes) -> None:
    """Write a file atomically.

    Raises:
        StoreError: the file cannot be written.
    """
    _replace_file(path, [data])


def write_rows(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Write rows as JSON lines atomically.

    Raises:
        StoreError: the file cannot be written.
    """
    _replace_file(path, (json.dumps(row, separators=(",", ":")).encode() + b"\n" for row in rows))


def _replace_file(path: Path, chunks: Iterable[bytes]) -> None:
    beside = path.with_name(f".{path.name}.new")
    try:
        with beside.open("wb") as file:
            file.writelines(chunks)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise make_write_error(path, error) from error
