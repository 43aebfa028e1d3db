"""Folders of work that goes on when its command is given again: held by one process, bound to one configuration.

A lock keeps other processes out, and a manifest in the folder says what decides the results (its identity): another
configuration is refused.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..config import differences
from ..digests import json_digest
from ..errors import StoreError, reason
from .files import make_folder
from .journal import make_write_error

LOCK = ".lock"
MANIFEST_FORMAT = 1
SHOWN = 4
"""Differences that an error message names."""


class FolderLock:
    """Creates a folder and locks it against other processes; the kernel unlocks it when this process ends.

    Raises (entering):
        StoreError: another process holds it, or it cannot be made.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = -1

    def __enter__(self) -> FolderLock:
        make_folder(self._path)
        try:
            self._file = os.open(self._path / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise make_write_error(self._path, error) from error
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(self._file)
            raise StoreError(
                f"{self._path} is in use by another process; wait for it or choose another --out"
            ) from error
        return self

    def __exit__(self, *exc: object) -> None:
        os.close(self._file)


def build_manifest(identity: Mapping[str, Any]) -> dict[str, Any]:
    """Return the manifest of a new folder."""
    return {"format": MANIFEST_FORMAT, "digest": json_digest(identity), "identity": dict(identity)}


def check_identity(path: Path, manifest: Mapping[str, Any], identity: Mapping[str, Any], what: str = "") -> None:
    """Refuse a folder of another configuration; `what` names its owner in the message: "a training of ".

    Raises:
        StoreError: it is one; the message names what differs.
    """
    differing = differences(manifest.get("identity", {}), identity)
    if differing:
        more = f" and {len(differing) - SHOWN} more" if len(differing) > SHOWN else ""
        raise StoreError(
            f"{path} holds {what}another configuration: {'; '.join(differing[:SHOWN])}{more}. "
            "Choose another --out, or the settings it was started with"
        )


def load_manifest(file: Path, folder: str) -> dict[str, Any]:
    """Load a manifest; `folder` says what kind of folder has one: "a run folder".

    Raises:
        StoreError: there is none, or it is damaged.
    """
    try:
        manifest = json.loads(file.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError) as error:
        raise StoreError(f"{file.parent} is not {folder}: it has no {file.name}") from error
    except (OSError, ValueError) as error:
        raise StoreError(f"{file} cannot be read: {reason(error)}") from error
    if not isinstance(manifest, dict) or not isinstance(manifest.get("identity"), dict):
        raise StoreError(f"{file} is not the manifest of {folder}")
    return manifest
