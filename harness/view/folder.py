"""The runs of a folder: found on the disk, named by their path below it, and never left.

A run is asked for by name and looked up among those found, so that no path is made of what a request says. Links that
lead out of the folder are not followed.
"""

from __future__ import annotations

import json
import math
import os
import time
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any
from urllib.parse import urlencode

from ..errors import StoreError, reason
from ..report.board import BoardScore, build_scores
from ..store import MANIFEST, SAMPLES, SCORES, VERDICTS, read_manifest
from .index import RunIndex
from .written_pages import WrittenPage, find_pages

RESCAN_S = 2.0
"""How long a list of runs holds."""
OPEN_RUNS = 12
"""Indexes that are kept in memory, those used last."""
Signature = tuple[tuple[int, int] | None, ...]
"""(modification time in ns, size in bytes) of files, None for one that is missing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardEntry:
    """A run on the board, or why it cannot be read."""

    name: str
    scores: tuple[BoardScore, ...] = ()
    problem: str = ""


class ResultsFolder:
    """Runs at and below `root`; safe to use from several threads."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        self._lock = Lock()
        self._runs: dict[str, Path] = {}
        self._pages: dict[str, WrittenPage] = {}
        self._scanned_at = -math.inf
        self._entries: dict[str, tuple[Signature, BoardEntry]] = {}
        self._indexes: OrderedDict[str, RunIndex] = OrderedDict()

    def list_runs(self) -> Mapping[str, Path]:
        """Return the runs by name, in the order of their names."""
        self._scan()
        return self._runs

    def list_pages(self) -> Mapping[str, WrittenPage]:
        """Return the pages that other commands left, by name."""
        self._scan()
        return self._pages

    def require_runs(self) -> None:
        """Check that there is something to show.

        Raises:
            StoreError: the folder does not exist, or holds no run.
        """
        if not self.root.is_dir():
            raise StoreError(f"{self.root} is not a folder; name one that holds run folders")
        if not self.list_runs():
            raise StoreError(f"{self.root} holds no run; name a folder that `harness run` has written to")

    def find_run(self, name: str) -> Path:
        """Return the folder of a run.

        Raises:
            KeyError: there is none of this name.
            StoreError: a file of it leads out of the folder.
        """
        path = self.list_runs()[name]
        self._check_inside(path)
        return path

    def open_index(self, name: str) -> RunIndex:
        """Return the index of a run. Raises as `find_run`."""
        path = self.find_run(name)
        with self._lock:
            index = self._indexes.pop(name, None) or RunIndex(path)
            self._indexes[name] = index
            while len(self._indexes) > OPEN_RUNS:
                self._indexes.popitem(last=False)
            return index

    def list_entries(self) -> list[BoardEntry]:
        """Return what the board shows of each run; repetitions, which measure noise, are left out."""
        entries = [self._read_entry(name, path) for name, path in self.list_runs().items()]
        return [entry for entry in entries if entry.scores or entry.problem]

    def _read_entry(self, name: str, path: Path) -> BoardEntry:
        signature = read_signature(path)
        known = self._entries.get(name)
        if known and known[0] == signature:
            return known[1]
        try:
            self._check_inside(path)
            entry = BoardEntry(name=name, scores=tuple(_read_scores(name, path)))
        except StoreError as error:
            entry = BoardEntry(name=name, problem=str(error))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            entry = BoardEntry(name=name, problem=f"{path}: {MANIFEST} or {SCORES} is damaged ({reason(error)})")
        self._entries[name] = (signature, entry)
        return entry

    def _scan(self) -> None:
        with self._lock:
            if time.monotonic() - self._scanned_at <= RESCAN_S:
                return
            runs: dict[str, Path] = {}
            pages: dict[str, WrittenPage] = {}
            for text, _, files in os.walk(self.root):
                folder = Path(text)
                name = folder.relative_to(self.root).as_posix()
                if not name.isprintable():  # a name that is not UTF-8 cannot be linked to
                    continue
                if MANIFEST in files:
                    runs[name] = folder
                pages |= {page.name: page for page in find_pages(self.root, folder, files)}
            self._runs, self._pages = dict(sorted(runs.items())), dict(sorted(pages.items()))
            self._scanned_at = time.monotonic()

    def _check_inside(self, path: Path) -> None:
        for file in (MANIFEST, SAMPLES, VERDICTS, SCORES):
            if not (path / file).resolve().is_relative_to(self.root):
                raise StoreError(f"{path / file} leads out of {self.root}")


def read_signature(path: Path) -> Signature:
    """Return the signature of a run's files, which changes when they do."""
    return tuple(_stat(path / name) for name in (MANIFEST, SAMPLES, VERDICTS, SCORES))


def read_begun_manifest(path: Path) -> dict[str, Any]:
    """Read the manifest of a run that has begun.

    Raises:
        StoreError: it is damaged, or names no tasks.
    """
    manifest = read_manifest(path)
    if "tasks" not in manifest:
        raise StoreError(f"{path / MANIFEST} names no tasks yet: the run is about to begin, or was stopped before")
    tasks, known = manifest["tasks"], manifest["identity"].get("benchmarks")
    if not (
        isinstance(tasks, dict)
        and isinstance(known, dict)
        and all(isinstance(ids, list) and isinstance(known.get(name), dict) for name, ids in tasks.items())
        and isinstance(manifest.get("config"), dict)
    ):
        raise StoreError(f"{path / MANIFEST} is damaged: tasks, config or identity.benchmarks do not have their form")
    return manifest


def make_run_url(name: str) -> str:
    """Return the address of a run's page."""
    return f"/run?{urlencode({'run': name})}"


def is_complete(manifest: Mapping[str, Any], scores: Mapping[str, Any] | None) -> bool:
    """Tell whether scores.json is about all samples that the run was asked for."""
    if scores is None:
        return False
    judged = sum(sum(counts.values()) for counts in scores["statuses"].values())
    asked = manifest["config"].get("n", 1) * sum(map(len, manifest["tasks"].values()))
    return judged >= asked and not (scores["missing"] or scores["unjudged"] or scores["infrastructure"])


def read_scores_file(path: Path) -> Mapping[str, Any] | None:
    """Read scores.json of a run; None if there is none yet.

    Raises:
        StoreError: it is damaged.
    """
    try:
        scores = json.loads((path / SCORES).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise StoreError(f"{path / SCORES} cannot be read: {reason(error)}") from error
    if not isinstance(scores, dict):
        raise StoreError(f"{path / SCORES} is not a JSON object")
    return scores


def _read_scores(name: str, path: Path) -> Iterator[BoardScore]:
    manifest = read_begun_manifest(path)
    if "order" in manifest["identity"]:
        return
    scores = read_scores_file(path)
    note = "" if is_complete(manifest, scores) else "unfinished"
    rows = scores["scores"] if scores and scores["scores"] else [_make_blank_score(one) for one in manifest["tasks"]]
    yield from build_scores(manifest, rows, run=name, url=make_run_url(name), note=note)


def _make_blank_score(benchmark: str) -> dict[str, Any]:
    score = {"benchmark": benchmark, "metric": "pass@1", "value": None, "interval": None}
    return {**score, "n_samples": 0, "n_problems": 0}


def _stat(path: Path) -> tuple[int, int] | None:
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_size
