"""Find a benchmark's data file and check that it is the one its semantics were written for.

Look-up order: an explicit path, the folder `HARNESS_DATA_DIR`, the cache folder, an installed package.
The first place that has the file decides; a file with another digest there is an error, not skipped.

Not promised: nothing is downloaded here; `DataFile.origin` says where a file comes from.
"""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import json
import os
import zlib
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any, Literal

from .errors import DataError

DATA_DIR_VARIABLE = "HARNESS_DATA_DIR"
CACHE_DIR_VARIABLE = "HARNESS_CACHE_DIR"


@dataclass(frozen=True, slots=True, kw_only=True)
class DataFile:
    """One file of a benchmark: its official name, its digest, where it comes from."""

    name: str
    sha256: str
    """Hex."""
    digest_of: Literal["file", "content"] = "file"
    """What `sha256` is of: the file as it lies, or what a .gz unpacks to."""
    origin: str
    """For people: the official source."""
    package: str | None = None
    """The distribution on the package index that carries the file."""
    package_path: str | None = None
    """Its path there, relative to the folder of installed packages."""


def cache_dir() -> Path:
    """Where the harness keeps what it made or fetched; not created here."""
    named = os.environ.get(CACHE_DIR_VARIABLE)
    if named:
        return Path(named)
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "evol-harness"


def locate(file: DataFile, explicit: Path | None = None) -> Path:
    """The first place that has `file`; its content is not looked at.

    Raises:
        DataError: it is nowhere.
    """
    if explicit is not None:
        if not explicit.is_file():
            raise DataError(f"data file {explicit} does not exist")
        return explicit
    for place in _places(file):
        if place.is_file():
            return place
    advice = f"install the package {file.package}" if file.package else f"fetch it from {file.origin}"
    raise DataError(
        f"data file {file.name} is not in ${DATA_DIR_VARIABLE}, {cache_dir() / 'data'} or an installed package; "
        f"{advice}, or put it into a folder and set {DATA_DIR_VARIABLE} to it"
    )


def content(file: DataFile, explicit: Path | None = None) -> bytes:
    """The verified, unpacked bytes of `file`.

    Raises:
        DataError: it is nowhere, cannot be read, or has another digest.
    """
    path = locate(file, explicit)
    try:
        packed = path.read_bytes()
        data = gzip.decompress(packed) if path.suffix == ".gz" else packed
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"data file {path} cannot be read: {error}") from error
    found = hashlib.sha256(packed if file.digest_of == "file" else data).hexdigest()
    if found != file.sha256:
        raise DataError(
            f"data file {path} has sha256 {found}, expected {file.sha256} ({file.origin}); "
            "remove it, or replace it by the official file"
        )
    return data


def rows(file: DataFile, explicit: Path | None = None) -> list[dict[str, Any]]:
    """The verified rows of a JSON-lines file, in its order.

    Raises:
        DataError: as `content`.
    """
    return [json.loads(line) for line in content(file, explicit).splitlines() if line.strip()]


def _places(file: DataFile) -> list[Path]:
    places = []
    if folder := os.environ.get(DATA_DIR_VARIABLE):
        places.append(Path(folder) / file.name)
    places.append(cache_dir() / "data" / file.name)
    if file.package and file.package_path:
        # The package itself is not imported: it may bring heavy or noisy modules.
        with contextlib.suppress(PackageNotFoundError):
            places.append(Path(str(distribution(file.package).locate_file(file.package_path))))
    return places
