"""The folder of one evolution: held by one process, bound to one configuration, its files written whole.

evolve.json      configuration, its digest, what was asked and what came of it
ledger.jsonl     every request (see `ledger`)
rejected.jsonl   every attempt that was thrown away, with its text
removed.jsonl    rows that were sifted out in the end: duplicates and contaminated ones
rounds/          with Evol Stop, the data that each round was tried with
dataset/         the data with its card and manifest; statistics.json and report.html lie beside it
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..config import differences
from ..digests import json_digest
from ..errors import StoreError, reason
from ..store import locked, write_json
from .ledger import LEDGER

MANIFEST = "evolve.json"
REJECTED = "rejected.jsonl"
REMOVED = "removed.jsonl"
STATISTICS = "statistics.json"
PAGE = "report.html"
DATASET = "dataset"
ROUNDS = "rounds"


class EvolveFolder:
    """`path` held for writing; a context manager.

    Raises (entering):
        StoreError: another configuration or another process holds the folder, or it cannot be written.
    """

    def __init__(self, path: Path, identity: Mapping[str, Any]) -> None:
        self.path = path
        self.manifest: dict[str, Any] = {}
        self._identity = dict(identity)

    def __enter__(self) -> EvolveFolder:
        self._lock = locked(self.path)
        try:
            self.manifest = self._accepted()
        except BaseException:
            os.close(self._lock)
            raise
        return self

    def __exit__(self, *exc: object) -> None:
        os.close(self._lock)

    def update(self, **fields: Any) -> None:
        """Set fields of evolve.json and write it."""
        self.manifest.update(fields)
        write_json(self.path / MANIFEST, self.manifest)

    def _accepted(self) -> dict[str, Any]:
        file = self.path / MANIFEST
        if not file.exists():
            if (self.path / LEDGER).exists():
                raise StoreError(f"{self.path} holds {LEDGER} but no {MANIFEST}; choose another --out")
            fresh = {"format": 1, "digest": json_digest(self._identity), "identity": self._identity}
            write_json(file, fresh)
            return fresh
        found = read_manifest(self.path)
        differing = differences(found.get("identity", {}), self._identity)
        if differing:
            raise StoreError(
                f"{self.path} holds the ledger of another configuration: {'; '.join(differing)}. "
                "Choose another --out, or the settings it was started with"
            )
        return found


def read_manifest(path: Path) -> dict[str, Any]:
    """evolve.json of the folder `path`.

    Raises:
        StoreError: there is none, or it is damaged.
    """
    file = path / MANIFEST
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError) as error:
        raise StoreError(f"{path} is no folder of `harness evolve`: it has no {MANIFEST}") from error
    except (OSError, ValueError) as error:
        raise StoreError(f"{file} cannot be read: {reason(error)}") from error
    if not isinstance(found, dict) or not isinstance(found.get("identity"), dict):
        raise StoreError(f"{file} is not a manifest")
    return found
