"""Stages that are done once: identified by the digest of what decides their outcome, recorded when they end.

A stage's record is `stages/NAME-DIGEST.json` in the loop's folder; its files are in `NAME-DIGEST/`. A killed stage has
no record, and resumes in its folder. Other settings have another digest: nothing is overwritten, and the old outcome
is found again when the old settings come back.
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
    """A step of the loop, and all that decides its outcome."""

    name: str
    key: Mapping[str, Any]
    """JSON-ready; digests of inputs, never their paths."""

    @property
    def digest(self) -> str:
        """Return the SHA-256 (hex) of what decides the outcome."""
        return digest_json({"stage": self.name, **self.key})

    @property
    def label(self) -> str:
        """Return name and short digest, as in the names of files and folders."""
        return f"{self.name}-{self.digest[:SHORT]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class FinishedStage:
    """A stage that is finished."""

    stage: Stage
    folder: Path
    outcome: Mapping[str, Any]
    """JSON-ready; "digest" identifies what was made, independent of time and place."""
    seconds: float
    """Duration in the start that finished it."""
    skipped: bool
    """Whether it was finished by an earlier start."""

    @property
    def digest(self) -> str:
        """Return the digest of what was made."""
        return str(self.outcome["digest"])


class Stages:
    """Records of one folder, which the caller has locked; `done` are the stages of this start, in order.

    `tell` gets a line when a stage begins or ends.
    """

    def __init__(self, root: Path, tell: Callable[[str], None]) -> None:
        self.root = root
        self.done: list[FinishedStage] = []
        self.tell = tell

    def get_folder(self, stage: Stage) -> Path:
        """Return the folder of a stage's files."""
        return self.root / stage.label

    def find_finished(self, stage: Stage, folder: Path | None = None) -> FinishedStage | None:
        """Return the stage as it was finished earlier; None if it was not, or its folder is gone.

        Raises:
            StoreError: the record is damaged.
        """
        where = folder or self.get_folder(stage)
        file = self._get_record_path(stage)
        if not file.exists() or not where.exists():
            return None
        try:
            record = json.loads(file.read_text(encoding="utf-8"))
            matches = record["digest"] == stage.digest
            outcome, seconds = record["outcome"], float(record["seconds"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise StoreError(f"{file} is damaged: {error!r}; remove it, and the stage is done again") from error
        if not matches:
            raise StoreError(f"{file} is of another stage than its name says; remove it, and the stage is done again")
        return FinishedStage(stage=stage, folder=where, outcome=outcome, seconds=seconds, skipped=True)

    def forget(self, stage: Stage) -> None:
        """Remove the stage's record, so that it is run again."""
        self._get_record_path(stage).unlink(missing_ok=True)

    def perform(
        self, stage: Stage, work: Callable[[Path], Mapping[str, Any]], folder: Path | None = None
    ) -> FinishedStage:
        """Return the stage, after running it if it was not finished; `work` gets its folder and returns the outcome.

        Raises:
            StoreError: as `find_finished`, or the record cannot be written.
        """
        where = folder or self.get_folder(stage)
        done = self.find_finished(stage, where)
        if done is None:
            self.tell(f"{stage.label}: started")
            start = time.monotonic()
            outcome = dict(work(where))
            seconds = round(time.monotonic() - start, 3)
            self._write_record(stage, where, outcome, seconds)
            done = FinishedStage(stage=stage, folder=where, outcome=outcome, seconds=seconds, skipped=False)
            self.tell(f"{stage.label}: done in {seconds:.1f} s")
        else:
            self.tell(f"{stage.label}: done before, skipped")
        self.done.append(done)
        return done

    def _get_record_path(self, stage: Stage) -> Path:
        return self.root / RECORDS / f"{stage.label}.json"

    def _write_record(self, stage: Stage, folder: Path, outcome: Mapping[str, Any], seconds: float) -> None:
        file = self._get_record_path(stage)
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
