"""The folder of one evolution: held by one process, bound to one configuration, its files written whole.

evolve.json      configuration, its digest, what was asked and what came of it
ledger.jsonl     every request (see `ledger`)
rejected.jsonl   every attempt that was thrown away, with its text
removed.jsonl    rows that were sifted out in the end: duplicates and contaminated ones
rounds/          with Evol Stop, the data that each round was tried with
dataset/         the data with its card and manifest; statistics.json and report.html lie beside it
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from ..errors import StoreError
from ..store import write_json
from ..store.claims import build_manifest, check_identity, load_manifest, lock_folder
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
        self._held = ExitStack()

    def __enter__(self) -> EvolveFolder:
        with self._held as held:
            held.enter_context(lock_folder(self.path))
            self.manifest = self._load_or_create_manifest()
            self._held = held.pop_all()
        return self

    def __exit__(self, *exc: object) -> None:
        self._held.close()

    def update(self, **fields: Any) -> None:
        """Set fields of evolve.json and write it."""
        self.manifest.update(fields)
        write_json(self.path / MANIFEST, self.manifest)

    def _load_or_create_manifest(self) -> dict[str, Any]:
        if (self.path / MANIFEST).exists():
            manifest = read_manifest(self.path)
            check_identity(self.path, manifest, self._identity, "the ledger of ")
            return manifest
        if (self.path / LEDGER).exists():
            raise StoreError(f"{self.path} holds {LEDGER} but no {MANIFEST}; choose another --out")
        manifest = build_manifest(self._identity)
        write_json(self.path / MANIFEST, manifest)
        return manifest


def read_manifest(path: Path) -> dict[str, Any]:
    """Return evolve.json of the folder `path`.

    Raises:
        StoreError: there is none, or it is damaged.
    """
    return load_manifest(path / MANIFEST, "a folder of `harness evolve`")
