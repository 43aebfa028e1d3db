"""A run folder: append-only journals of samples and verdicts, a manifest, a lock.

`run.json` is written atomically; `samples.jsonl` and `verdicts.jsonl` get one whole line per row, handed to
the kernel at once, so a killed process loses at most the row it was writing. A torn last line is ignored when
reading and cut off when the folder is opened for writing. Where a key (benchmark, task_id, index) occurs
twice, the last row counts.

Not promised: rows are not synced to the disk one by one, so a power failure can take the last seconds.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from .config import differences, digest_of
from .errors import INFRASTRUCTURE, StoreError, reason
from .records import Key, key_of, sample_from, sample_row, verdict_from, verdict_row
from .types import Sample, Status, Verdict

MANIFEST = "run.json"
SAMPLES = "samples.jsonl"
VERDICTS = "verdicts.jsonl"
SCORES = "scores.json"
REPORT = "report.md"
PAGE = "report.html"
LOCK = ".lock"
SHOWN = 4
"""Differences that a message names."""

Keyed = TypeVar("Keyed", Sample, Verdict)


class Journal:
    """An append-only file of JSON lines, opened for writing; a torn last line is cut off first."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            if path.exists() and (whole := _whole_bytes(path)) < path.stat().st_size:
                os.truncate(path, whole)
            self._file = path.open("ab", buffering=0)
        except OSError as error:
            raise write_error(path, error) from error

    def append(self, row: Mapping[str, Any]) -> None:
        """Write one row; it is with the kernel when this returns.

        Raises:
            StoreError: the row cannot be written (a full disk, say). What was written before stays.
        """
        view = memoryview(json.dumps(row, separators=(",", ":")).encode() + b"\n")
        try:
            while view:
                view = view[self._file.write(view) or 0 :]
        except OSError as error:
            raise write_error(self._path, error) from error

    def close(self) -> None:
        """Sync and close."""
        try:
            os.fsync(self._file.fileno())
        except OSError as error:
            if error.errno != errno.EINVAL:  # a device, say: nothing to sync
                raise write_error(self._path, error) from error
        finally:
            self._file.close()


class RunFolder:
    """A run folder held for writing by this process alone; use as a context manager.

    Raises (entering):
        StoreError: another configuration or another process holds the folder, or it cannot be written.
    """

    def __init__(self, path: Path, identity: Mapping[str, Any]) -> None:
        self.path = path
        self.samples: dict[Key, Sample] = {}
        self.verdicts: dict[Key, Verdict] = {}
        self.manifest: dict[str, Any] = {}
        self._identity = dict(identity)
        self._lock: int | None = None

    def __enter__(self) -> RunFolder:
        self._lock = locked(self.path)
        try:
            self.manifest = self._accepted()
            self._samples = Journal(self.path / SAMPLES)
            self._verdicts = Journal(self.path / VERDICTS)
            self.samples = read_samples(self.path)
            self.verdicts = read_verdicts(self.path)
        except BaseException:
            os.close(self._lock)
            raise
        return self

    def __exit__(self, *exc: object) -> None:
        assert self._lock is not None
        try:
            self._samples.close()
            self._verdicts.close()
        finally:
            os.close(self._lock)

    def append_sample(self, sample: Sample) -> None:
        """Keep a sample."""
        self._samples.append(sample_row(sample))
        self.samples[key_of(sample)] = sample

    def append_verdict(self, verdict: Verdict) -> None:
        """Keep a verdict."""
        self._verdicts.append(verdict_row(verdict))
        self.verdicts[key_of(verdict)] = verdict

    def pending(self, benchmark: str) -> list[Sample]:
        """Samples of `benchmark` without a final verdict, those the judge itself failed on included."""
        final = {key for key, verdict in self.verdicts.items() if verdict.status is not Status.INFRASTRUCTURE}
        return [sample for key, sample in self.samples.items() if key[0] == benchmark and key not in final]

    def update_manifest(self, **fields: Any) -> None:
        """Set top-level fields of run.json and write it."""
        self.manifest.update(fields)
        write_json(self.path / MANIFEST, self.manifest)

    def replace_code(self, changed: Iterable[Sample], identity: Mapping[str, Any]) -> None:
        """Exchange samples for others of the same keys and drop their verdicts.

        Verdicts go first: after a crash in between, old code lacks a verdict, never the other way round.
        """
        new = {key_of(sample): sample for sample in changed}
        self.verdicts = {key: verdict for key, verdict in self.verdicts.items() if key not in new}
        self.samples = {**self.samples, **new}
        self._verdicts.close()
        write_rows(self.path / VERDICTS, map(verdict_row, self.verdicts.values()))
        self._verdicts = Journal(self.path / VERDICTS)
        self._samples.close()
        write_rows(self.path / SAMPLES, map(sample_row, self.samples.values()))
        self._samples = Journal(self.path / SAMPLES)
        self._identity = dict(identity)
        self.update_manifest(digest=digest_of(identity), identity=self._identity)

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
        manifest = {"format": 1, "digest": digest_of(self._identity), "identity": self._identity}
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


def read_samples(path: Path) -> dict[Key, Sample]:
    """All samples of the run folder `path`."""
    return _last_rows(path / SAMPLES, sample_from)


def read_verdicts(path: Path) -> dict[Key, Verdict]:
    """The last verdict of each sample in the run folder `path`."""
    return _last_rows(path / VERDICTS, verdict_from)


def write_json(path: Path, value: Any) -> None:
    """Write JSON so that a reader sees the old file or the new one, never half of either."""
    write_text(path, json.dumps(value, indent=2, allow_nan=False) + "\n")


def write_text(path: Path, text: str) -> None:
    """Write a text file atomically.

    Raises:
        StoreError: the file cannot be written.
    """
    _replace(path, [text.encode()])


def write_error(path: Path, error: OSError) -> StoreError:
    """The one-line error for a write to `path` that failed."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return StoreError(
            f"{path}: the disk is full. Free some space and give the same command again; it resumes",
            exit_code=INFRASTRUCTURE,
        )
    return StoreError(f"{path} cannot be written: {error.strerror or error}")


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
    try:
        path.mkdir(parents=True, exist_ok=True)
        lock = os.open(path / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise write_error(path, error) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(lock)
        raise StoreError(f"{path} is in use by another process; wait for it or choose another --out") from error
    return lock


def _whole_bytes(path: Path) -> int:
    """The length of `path` up to the end of its last whole line."""
    end = path.stat().st_size
    with path.open("rb") as file:
        while end > 0:
            start = max(0, end - 65536)
            file.seek(start)
            newline = file.read(end - start).rfind(b"\n")
            if newline >= 0:
                return start + newline + 1
            end = start
    return 0


def whole_rows(path: Path) -> Iterator[tuple[int, bytes]]:
    """Whole lines of `path` with their numbers; nothing where there is no such file."""
    if not path.exists():
        return
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            if line.endswith(b"\n"):
                yield number, line


def _last_rows(path: Path, parse: Callable[[Mapping[str, Any]], Keyed]) -> dict[Key, Keyed]:
    records: dict[Key, Keyed] = {}
    for number, line in whole_rows(path):
        try:
            record = parse(json.loads(line))
        except (KeyError, ValueError, TypeError) as error:
            raise StoreError(f"{path} line {number} is damaged: {error!r}") from error
        records[key_of(record)] = record
    return records
