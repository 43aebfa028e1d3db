"""A run folder: append-only journals of samples and verdicts, a manifest, a lock.

`run.json` is written atomically; `samples.jsonl` and `verdicts.jsonl` get one whole line per row (see `journal`).
Where a key (benchmark, task_id, index) occurs twice, the last row counts. Rows stay on the disk: of a run of
100,000 samples, memory holds where they are.

Not promised: rows are not synced to the disk one by one, so a power failure can take the last seconds.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ..config import differences
from ..digests import json_digest
from ..errors import StoreError, reason
from ..types import Sample, Status, Verdict
from .cleaning import replace_surrogates
from .journal import Journal, Rows, write_error
from .records import Key, key_of, sample_from, sample_row, verdict_from, verdict_row

MANIFEST = "run.json"
SAMPLES = "samples.jsonl"
VERDICTS = "verdicts.jsonl"
SCORES = "scores.json"
REPORT = "report.md"
PAGE = "report.html"
LOCK = ".lock"
SHOWN = 4
"""Differences that a message names."""


class RunFolder:
    """A run folder held for writing by this process alone; use as a context manager.

    Raises (entering):
        StoreError: another configuration or another process holds the folder, or it cannot be written.
    """

    samples: Rows[Sample]
    verdicts: Rows[Verdict]

    def __init__(self, path: Path, identity: Mapping[str, Any]) -> None:
        self.path = path
        self.manifest: dict[str, Any] = {}
        self._identity = dict(identity)
        self._lock: int | None = None

    def __enter__(self) -> RunFolder:
        self._lock = locked(self.path)
        try:
            self.manifest = self._accepted()
            self._open()
        except BaseException:
            os.close(self._lock)
            raise
        return self

    def __exit__(self, *exc: object) -> None:
        assert self._lock is not None
        try:
            self._close()
        finally:
            os.close(self._lock)

    def append_sample(self, sample: Sample) -> None:
        """Keep a sample."""
        size = self._samples.append(sample_row(sample))
        self.samples.wrote(key_of(sample), size)

    def append_verdict(self, verdict: Verdict) -> None:
        """Keep a verdict."""
        size = self._verdicts.append(verdict_row(verdict))
        self.verdicts.wrote(key_of(verdict), size)
        self._mark(verdict)

    def pending(self, benchmark: str) -> list[Key]:
        """Samples of `benchmark` without a final verdict, those the judge itself failed on included."""
        return [
            key
            for key in self.samples
            if key[0] == benchmark and (key in self._judge_failed or key not in self.verdicts)
        ]

    def update_manifest(self, **fields: Any) -> None:
        """Set top-level fields of run.json and write it."""
        self.manifest.update(fields)
        write_json(self.path / MANIFEST, self.manifest)

    def replace_code(self, changed: Iterable[Sample], identity: Mapping[str, Any]) -> None:
        """Exchange samples for others of the same keys and drop their verdicts.

        Verdicts go first: after a crash in between, old code lacks a verdict, never the other way round.
        """
        new = {key_of(sample): sample for sample in changed}
        self._close()
        kept = (verdict for key, verdict in self.verdicts.items() if key not in new)
        write_rows(self.path / VERDICTS, map(verdict_row, kept))
        samples = (new.get(key) or sample for key, sample in self.samples.items())
        write_rows(self.path / SAMPLES, map(sample_row, samples))
        self._open()
        self._identity = dict(identity)
        self.update_manifest(digest=json_digest(identity), identity=self._identity)

    def _open(self) -> None:
        """Open the journals for writing, and read what they hold."""
        self._samples = Journal(self.path / SAMPLES)
        self._verdicts = Journal(self.path / VERDICTS)
        self.samples = read_samples(self.path)
        self.verdicts = read_verdicts(self.path)
        self._judge_failed: set[Key] = set()
        for verdict in self.verdicts.values():
            self._mark(verdict)

    def _close(self) -> None:
        self._samples.close()
        self._verdicts.close()

    def _mark(self, verdict: Verdict) -> None:
        """Keep in mind whether the judge itself failed on the sample."""
        failed = verdict.status is Status.INFRASTRUCTURE
        (self._judge_failed.add if failed else self._judge_failed.discard)(key_of(verdict))

    def _accepted(self) -> dict[str, Any]:
        if (self.path / MANIFEST).exists():
            manifest = read_manifest(self.path)
            differing = differences(manifest["identity"], self._identity)
            if differing:
                more = f" and {len(differing) - SHOWN} more" if len(differing) > SHOWN else ""
                raise StoreError(
                    f"{self.path} holds another configuration: {'; '.join(differing[:SHOWN])}{more}. "
                    "Choose another --out, or the settings it was started with"
                )
            return manifest
        foreign = [name for name in (SAMPLES, VERDICTS) if (self.path / name).exists()]
        if foreign:
            raise StoreError(f"{self.path} holds {foreign[0]} but no {MANIFEST}; choose another --out")
        manifest = {"format": 1, "digest": json_digest(self._identity), "identity": self._identity}
        write_json(self.path / MANIFEST, manifest)
        return manifest


def read_manifest(path: Path) -> dict[str, Any]:
    """run.json of the run folder `path`.

    Raises:
        StoreError: there is none, or it is not a manifest.
    """
    file = path / MANIFEST
    try:
        manifest = json.loads(file.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError) as error:
        raise StoreError(f"{path} is not a run folder: it has no {MANIFEST}") from error
    except (OSError, ValueError) as error:
        raise StoreError(f"{file} cannot be read: {reason(error)}") from error
    if not isinstance(manifest, dict) or not isinstance(manifest.get("identity"), dict):
        raise StoreError(f"{file} is not a run manifest")
    return manifest


def read_samples(path: Path) -> Rows[Sample]:
    """All samples of the run folder `path`."""
    return Rows(path / SAMPLES, sample_from)


def read_verdicts(path: Path) -> Rows[Verdict]:
    """The last verdict of each sample in the run folder `path`."""
    return Rows(path / VERDICTS, verdict_from)


def make_folder(path: Path) -> None:
    """Make a folder and those it lies in, where they are not there.

    Raises:
        StoreError: it cannot be made.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise write_error(path, error) from error


def write_json(path: Path, value: Any) -> None:
    """Write JSON so that a reader sees the old file or the new one, never half of either."""
    write_text(path, json.dumps(value, indent=2, allow_nan=False) + "\n")


def write_text(path: Path, text: str) -> None:
    """Write a text file atomically, as UTF-8; a lone surrogate, which UTF-8 cannot hold, becomes U+FFFD.

    Raises:
        StoreError: the file cannot be written.
    """
    _replace(path, [replace_surrogates(text).encode()])


def write_rows(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    _replace(path, (json.dumps(row, separators=(",", ":")).encode() + b"\n" for row in rows))


def _replace(path: Path, chunks: Iterable[bytes]) -> None:
    beside = path.with_name(f".{path.name}.new")
    try:
        with beside.open("wb") as file:
            file.writelines(chunks)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise write_error(path, error) from error


def locked(path: Path) -> int:
    """Make the folder and take its lock, which the kernel drops when this process ends in any way."""
    make_folder(path)
    try:
        lock = os.open(path / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise write_error(path, error) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(lock)
        raise StoreError(f"{path} is in use by another process; wait for it or choose another --out") from error
    return lock
