"""SHA-256 digests that identify configurations, data and files; every digest here is in hexadecimal."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any


def canonicalize_json(value: Any, *, default: Callable[[Any], Any] | None = None, allow_nan: bool = False) -> str:
    """Return `value` as JSON in the one form that is digested: sorted keys, no spaces.

    Raises:
        ValueError: it holds a NaN or an infinity that `allow_nan` does not allow.
        TypeError: it holds what JSON does not, and `default` does not translate.
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), default=default, allow_nan=allow_nan)


def digest_json(value: Any, *, default: Callable[[Any], Any] | None = None, allow_nan: bool = False) -> str:
    """Return the digest of `value` in canonical JSON. Raises as `canonicalize_json`."""
    return hashlib.sha256(canonicalize_json(value, default=default, allow_nan=allow_nan).encode()).hexdigest()


def digest_file(path: Path) -> str:
    """Return the digest of a file's bytes. Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digest_files(paths: Iterable[Path]) -> str:
    """Return the digest of several files, in their order, by name and contents. Raises OSError."""
    total = hashlib.sha256()
    for path in paths:
        total.update(f"{path.name} {digest_file(path)}\n".encode())
    return total.hexdigest()
