"""Stages that are done once: known by the digest of what decides their outcome, recorded when they end.

A stage's record is `stages/NAME-DIGEST.json` in the loop's folder; its files lie in `NAME-DIGEST/`. A stage that was
killed has no record, and its own folder resumes. Other settings are another digest: nothing is overwritten, and what
is there already is there when the old settings come back.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..digests import digest_json
from ..errors import StoreError
from ..store import make_folder, write_json

RECORDS = "stages"
SHORT = 12
"""Digits of a digest in names; the record has all of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Something to be done, and all that decides what comes of it."""

    name: str
    key: Mapping[str, Any]
    """JSON-ready; digests of inputs, never where they lie."""

    @property
    def digest(self) -> str:
        """SHA-256 (hex)."""
        return digest_json({"stage": self.name, **self.key})

    @property
    def label(self) -> str:
        """Name and short digest, as files and folders are called."""
        return f"{self.name}-{self.digest[:SHORT]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """A stage that is finished."""

    stage: Stage
    folder: Path
    outcome: Mapping[str, Any]
    """JSON-ready; "digest" names what was made, whenever and wherever it was."""
    seconds: float
    """Of the start that finished it."""
    skipped: bool
    """It was done before."""

    @property
    def digest(self) -> str:
        """Digest of what was made."""
        return str(self.outcome["digest"])


class Stages:
    """The records of one folder, which the caller holds; `done` are those of this start, in order.

    `tell` gets a line when a stage begins or ends.
    """

    def __init__(self, root: Path, tell: Callable[[str], None]) -> None:
        self.root = root
        self.done: list[Done] = []
        self.tell = tell

    def folder(self, stage: Stage) -> Path:
        """Where a stage's files go."""
        return self.root / stage.label

    def known(self, stage: Stage, folder: Path | None = None) -> Done | None:
        """The stage as it was finished earlier; None where it was not, or its folder is gone.

        Raises:
            StoreError: the record is damaged.
        """
        where = folder or self.folder(stage)
        file = self._record(stage)
        if not file.exists() or not where.exists():
            return None
        try:
            found = json.loads(file.read_text(encoding="utf-8"))
            right = found["digest"] == stage.digest
            outcome, seconds = found["outcome"], float(found["seconds"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise StoreError(f"{file} is damaged: {error!r}; remove it, and the stage is done again") from error
        if not right:
            raise StoreError(f"{file} is of another stage than its name says; remove it, and the stage is done again")
        return Done(stage=stage, folder=where, outcome=outcome, seconds=seconds, skipped=True)

    def forget(self, stage: Stage) -> None:
        """Have the stage done again."""
        self._record(stage).unlink(missing_ok=True)

    def perform(self, stage: Stage, work: Callable[[Path], Mapping[str, Any]], folder: Path | None = None) -> Done:
        """The stage, done now where it was not yet; `work` gets its folder and gives the outcome.

        Raises:
            StoreError: as `known`, or the record cannot be written.
        """
        where = folder or self.folder(stage)
        done = self.known(stage, where)
        if done is None:
            self.tell(f"{stage.label}: started")
            start = time.monotonic()
            outcome = dict(work(where))
            seconds = round(time.monotonic() - start, 3)
            self._write(stage, where, outcome, seconds)
            done = Done(stage=stage, folder=where, outcome=outcome, seconds=seconds, skipped=False)
            self.tell(f"{stage.label}: done in {seconds:.1f} s")
        else:
            self.tell(f"{stage.label}: done before, skipped")
        self.done.append(done)
        return done

    def _record(self, stage: Stage) -> Path:
        return self.root / RECORDS / f"{stage.label}.json"

    def _write(self, stage: Stage, folder: Path, outcome: Mapping[str, Any], seconds: float) -> None:
        file = self._record(stage)
        make_folder(file.parent)
        record = {
            "stage": stage.name,
            "digest": stage.digest,
            "key": dict(stage.key),
            "folder": folder.name,
            "seconds": seconds,
            "outcome": outcome,
        }
        write_json(file, record)
