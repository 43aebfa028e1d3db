"""Folders of work that goes on when its command is given again: held by one process, bound to one configuration.

A lock keeps other processes out, and a manifest in the folder says what decides the results (its identity): another
configuration is refused.

Packages are imported where they are used: a sandbox cleans texts with this room, and needs the standard library alone.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..digests import digest_json
from ..errors import StoreError, reason
from .files import make_folder
from .journal import make_write_error

LOCK = ".lock"
MANIFEST_FORMAT = 1
SHOWN = 4
"""Differences that an error message names."""


@contextmanager
def lock_folder(path: Path) -> Iterator[None]:
    """Make a folder and hold it against other processes; the kernel lets go of it when this process ends in any way.

    Raises:
        StoreError: another process holds it, or it cannot be made.
    """
    from filelock import FileLock, Timeout

    make_folder(path)
    try:
        lock = FileLock(path / LOCK, blocking=False, thread_local=False, fallback_to_soft=False).acquire()
    except Timeout as error:
        raise StoreError(f"{path} is in use by another process; wait for it or choose another --out") from error
    except OSError as error:
        raise make_write_error(path, error) from error
    with lock:
        yield


def build_manifest(identity: Mapping[str, Any]) -> dict[str, Any]:
    """Return the manifest of a new folder."""
    return {"format": MANIFEST_FORMAT, "digest": digest_json(identity), "identity": dict(identity)}


def check_identity(path: Path, manifest: Mapping[str, Any], identity: Mapping[str, Any], what: str = "") -> None:
    """Refuse a folder of another configuration; `what` names its owner in the message: "a training of ".

    Raises:
        StoreError: it is one; the message names what differs.
    """
    from ..config import find_differences

    differing = find_differences(manifest.get("identity", {}), identity)
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
