"""Find a benchmark's data file and check that it is the one its semantics were written for.

Look-up order: an explicit path, the folder `HARNESS_DATA_DIR`, the cache folder, an installed package, and last
the official address, from which it is downloaded into the cache. `HARNESS_DATA_MIRROR` names an address or a
folder that replaces all official ones: a file is fetched as MIRROR/NAME, and has to be the same.
The first place that has the file decides; a file with another digest there is an error, not skipped.
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

from ..digests import digest_file
from ..errors import DataError, reason
from .download import DownloadError, download

DATA_DIR_VARIABLE = "HARNESS_DATA_DIR"
CACHE_DIR_VARIABLE = "HARNESS_CACHE_DIR"
MIRROR_VARIABLE = "HARNESS_DATA_MIRROR"


@dataclass(frozen=True, slots=True, kw_only=True)
class DataFile:
    """One file of a benchmark: its official name, its digest, its source."""

    name: str
    sha256: str
    """Hex; "" where the official one is not known, and any file of this name is taken."""
    digest_of: Literal["file", "content", "rows"] = "file"
    """What `sha256` covers: the file as it is, what a .gz unpacks to, or the canonical JSON of its `pinned` rows."""
    pinned: range | None = None
    """Task ids whose rows are digested, if copies of a file differ in others."""
    origin: str
    """The official source, for people."""
    url: str = ""
    """Its official URL; "" if it cannot be downloaded."""
    package: str | None = None
    """The distribution on the package index that contains the file."""
    package_path: str | None = None
    """Its path there, relative to the folder of installed packages."""
    on_request: bool = False
    """Too large to be fetched with the files of all benchmarks."""


def get_cache_dir() -> Path:
    """Return the folder of what the harness made or fetched; it is not created here."""
    folder = os.environ.get(CACHE_DIR_VARIABLE)
    if folder:
        return Path(folder)
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "evol-harness"


def locate(file: DataFile, explicit: Path | None = None) -> Path:
    """Return the first place that has `file`; its content is not read, and nothing is downloaded.

    Raises:
        DataError: it is nowhere.
    """
    if explicit is not None:
        if not explicit.is_file():
            raise DataError(f"data file {explicit} does not exist")
        return explicit
    path = find_file(file)
    if path is None:
        advice = f"install the package {file.package}" if file.package else f"fetch it from {file.origin}"
        raise DataError(
            f"{_describe_absence(file)}; {advice}, or put it into a folder and set {DATA_DIR_VARIABLE} to it"
        )
    return path


def find_file(file: DataFile) -> Path | None:
    """Return the path that `locate` finds without an explicit one; None if there is none."""
    return next((place for place in _list_places(file) if place.is_file()), None)


def get_url(file: DataFile) -> str:
    """Return the URL or path to fetch `file` from: the mirror's, else the official URL, else ""."""
    mirror = os.environ.get(MIRROR_VARIABLE)
    return f"{mirror.rstrip('/')}/{file.name}" if mirror else file.url


def fetch(file: DataFile) -> Path:
    """Download `file` into the cache, unless it is there and right.

    Raises:
        DataError: it has no address, cannot be downloaded, or is another file there.
    """
    target, url = get_cache_path(file), get_url(file)
    if not url:
        return locate(file)

    def check(path: Path) -> str:
        try:
            verify(file, path)
        except DataError as error:
            return str(error)
        return ""

    try:
        download(url, target, check)
    except DownloadError as error:
        lack = f"data file {target} is damaged" if target.is_file() else _describe_absence(file)
        raise DataError(
            f"{lack}, and downloading it from {url} failed: {error}; bring it by other means and "
            f"put it into {target.parent}, or set {DATA_DIR_VARIABLE} to its folder or {MIRROR_VARIABLE} to a mirror"
        ) from error
    except OSError as error:
        raise DataError(f"{target} cannot be written: {error.strerror or error}") from error
    return target


def find_user_file(name: str) -> Path | None:
    """Return the optional file `name` in the folder `HARNESS_DATA_DIR`; None if it is not there."""
    folder = os.environ.get(DATA_DIR_VARIABLE)
    path = Path(folder) / name if folder else None
    return path if path and path.is_file() else None


def read_content(file: DataFile, explicit: Path | None = None) -> bytes:
    """Return the verified, unpacked bytes of `file`; it is downloaded if no place has it.

    Raises:
        DataError: it is nowhere, cannot be read, or has another digest.
    """
    if explicit is None and find_file(file) is None:
        return read_verified(file, fetch(file))
    return read_verified(file, locate(file, explicit))


def obtain(file: DataFile) -> Path:
    """Return the path of `file` after checking its digest; download it if no place has it or the cache's is damaged.

    Raises:
        DataError: as `read_content`.
    """
    path = find_file(file)
    if path is None or path == get_cache_path(file):
        return fetch(file)
    verify(file, path)
    return path


def verify(file: DataFile, path: Path) -> None:
    """Check that `path` is `file`; a file that is digested as it is may be larger than the memory.

    Raises:
        DataError: it cannot be read, or has another digest.
    """
    if not file.sha256:
        return
    if file.digest_of != "file" or file.name.endswith(".gz"):
        read_verified(file, path)
        return
    try:
        _check_digest(file, path, digest_file(path))
    except OSError as error:
        raise DataError(f"data file {path} cannot be read: {reason(error)}{_suggest_remedy(file, path)}") from error


def read_verified(file: DataFile, path: Path) -> bytes:
    """Return the unpacked bytes of `path` after checking that it is `file`.

    Raises:
        DataError: it cannot be read, or has another digest.
    """
    try:
        packed = path.read_bytes()
        data = gzip.decompress(packed) if _is_packed(path, packed) else packed
        digest = compute_digest(file, packed, data)
    except (OSError, EOFError, zlib.error, ValueError, KeyError, TypeError) as error:
        raise DataError(f"data file {path} cannot be read: {reason(error)}{_suggest_remedy(file, path)}") from error
    _check_digest(file, path, digest)
    return data


def read_rows(file: DataFile, explicit: Path | None = None) -> list[dict[str, Any]]:
    """Return the verified rows of a JSON-lines file, in its order.

    Raises:
        DataError: as `read_content`.
    """
    return [json.loads(line) for line in read_content(file, explicit).splitlines() if line.strip()]


def _is_packed(path: Path, data: bytes) -> bool:
    """Tell whether a file is to be unpacked; where the digest is of its content, the copy at its URL may not be."""
    return path.name.removesuffix(".part").endswith(".gz") and data[:1] != b"{"


def compute_digest(file: DataFile, packed: bytes, data: bytes) -> str:
    """Compute the SHA-256, in hex, that `file.sha256` is compared with."""
    if file.digest_of == "rows":
        parsed = [json.loads(line) for line in data.splitlines() if line.strip()]
        kept = [row for row in parsed if file.pinned is None or row["task_id"] in file.pinned]
        data = json.dumps(kept, sort_keys=True, ensure_ascii=False).encode()
    return hashlib.sha256(packed if file.digest_of == "file" else data).hexdigest()


def _check_digest(file: DataFile, path: Path, digest: str) -> None:
    if file.sha256 and digest != file.sha256:
        raise DataError(
            f"data file {path} has sha256 {digest}, expected {file.sha256} ({file.origin}){_suggest_remedy(file, path)}"
        )


def get_cache_path(file: DataFile) -> Path:
    """Return the path of `file` in the cache, whether it is there or not."""
    return get_cache_dir() / "data" / file.name


def _describe_absence(file: DataFile) -> str:
    folder = os.environ.get(DATA_DIR_VARIABLE)
    first = f"${DATA_DIR_VARIABLE} ({folder})" if folder else f"${DATA_DIR_VARIABLE} (not set)"
    return f"data file {file.name} is not in {first}, {get_cache_dir() / 'data'} or an installed package"


def _suggest_remedy(file: DataFile, path: Path) -> str:
    if path.suffix == ".part":  # a partial download, which is dropped
        return ""
    if path == get_cache_path(file) and get_url(file):
        return "; `harness data fetch` replaces it"
    return "; remove it, or replace it by the official file"


def _list_places(file: DataFile) -> list[Path]:
    places = []
    if folder := os.environ.get(DATA_DIR_VARIABLE):
        places += [Path(folder) / file.name, Path(folder) / f"{file.name}.gz"]
    places.append(get_cache_path(file))
    if file.package and file.package_path:
        # The package itself is not imported: it may bring heavy or noisy modules.
        with contextlib.suppress(PackageNotFoundError):
            places.append(Path(str(distribution(file.package).locate_file(file.package_path))))
    return places
