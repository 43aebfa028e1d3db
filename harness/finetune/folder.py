"""The folder of one training: locked by one process, bound to one configuration, its manifest beside the weights.

harness.json     the manifest (see `harness.models.trained`): base, data, settings and outcome
config.json ...  the checkpoint, or the adapter, in the Hugging Face layout: written when the training is done
checkpoints/     states to resume from; removed when the training is done
training/        the libraries' output, the losses, the curves and their page
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from ..config import find_differences
from ..errors import StoreError
from ..models.table import OWN_MANIFEST
from ..models.trained import read_training
from ..store import make_folder, write_json
from ..store.claims import LOCK, build_manifest, check_identity, lock_folder

STATES = "checkpoints"
ABOUT = "training"
LOG = "output.log"
COMPLETE = "complete"
"""File in a state that marks it as complete."""


class TrainingFolder:
    """Lock on `path` for writing, as a context manager. Without `writes` it only reads: another process of ours writes.

    Raises (entering):
        StoreError: another configuration, something else or another process holds the folder, or it cannot be written.
    """

    def __init__(self, path: Path, identity: Mapping[str, Any], *, writes: bool = True) -> None:
        self.path = path
        self.writes = writes
        self.manifest: dict[str, Any] = {}
        self._identity = dict(identity)
        self._held = ExitStack()

    def __enter__(self) -> TrainingFolder:
        if not self.writes:
            make_folder(self.path / ABOUT)
            self.manifest = read_training(self.path) or {}
            return self
        with self._held as held:
            held.enter_context(lock_folder(self.path))
            self.manifest = self._claim_folder()
            make_folder(self.path / ABOUT)
            self._held = held.pop_all()
        return self

    def __exit__(self, *exc: object) -> None:
        self._held.close()

    @property
    def log(self) -> Path:
        """Return the file of the libraries' output."""
        return self.path / ABOUT / LOG

    def update(self, **fields: Any) -> None:
        """Set fields of the manifest and write it."""
        self.manifest.update(fields)
        if self.writes:
            write_json(self.path / OWN_MANIFEST, self.manifest)

    def find_last_state(self) -> Path | None:
        """Return the newest complete state; incomplete ones are removed."""
        whole: dict[int, Path] = {}
        for state in (self.path / STATES).glob("checkpoint-*"):
            if (state / COMPLETE).is_file():
                whole[int(state.name.rpartition("-")[2])] = state
            elif self.writes:
                shutil.rmtree(state)
        return whole[max(whole)] if whole else None

    def forget_states(self) -> None:
        """Remove the states that a stopped training would resume from."""
        if self.writes:
            shutil.rmtree(self.path / STATES, ignore_errors=True)

    def _claim_folder(self) -> dict[str, Any]:
        manifest = read_training(self.path)
        if manifest is None:
            # Another process of ours may have made the folder of the log already.
            ours = (LOCK, ABOUT)
            foreign = sorted(entry.name for entry in self.path.iterdir() if entry.name not in ours)
            if foreign:
                raise StoreError(f"{self.path} holds {foreign[0]} but no training of ours; choose another --out")
            return self._start_manifest()
        differing = find_differences(manifest.get("identity", {}), self._identity)
        if differing and not manifest.get("finished") and self.find_last_state() is None:
            return self._start_manifest()  # an earlier start was refused, or stopped before it saved a state
        check_identity(self.path, manifest, self._identity, "a training of ")
        return manifest

    def _start_manifest(self) -> dict[str, Any]:
        manifest = {**build_manifest(self._identity), "finished": False}
        write_json(self.path / OWN_MANIFEST, manifest)
        return manifest
