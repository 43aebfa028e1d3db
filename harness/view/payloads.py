"""What the application's JSON endpoints answer; docs/view.md has the schema.

Texts are cleaned for HTML here and set as text by the pages. Code is highlighted by pygments, which escapes it.
"""

from __future__ import annotations

import time
from collections import Counter, OrderedDict
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean
from threading import Lock
from typing import Any
from urllib.parse import urlencode

from ..compare.page import align_lines
from ..errors import UsageError
from ..report import headline
from ..report.board import BoardTable, build_tables
from ..report.code import highlight_code
from ..report.details import ORDER, SEARCHED, UNJUDGED, build_sample
from ..report.problems import ProblemText, load_texts
from ..report.wording import replace_unprintable
from ..store import SAMPLES, SCORES, VERDICTS
from ..store.jsonable import to_plain
from ..types import Status
from .folder import ResultsFolder, make_run_url, read_begun_manifest
from .index import Entry, RunIndex

LIVE_S = 120.0
"""A run that lacks samples and a report counts as running if it has written a row in this time."""
SHOWN = 200_000
"""Characters of a text that are shown; a model that repeats itself can fill megabytes."""
COMPARED_LINES = 2_000
"""Lines of a program that are aligned with another's, which takes their product."""
KNOWN_TEXTS = 8
"""Benchmarks, by configuration, whose texts are kept in memory."""
Texts = Mapping[str, ProblemText]


class Payloads:
    """Answers about the runs of a folder; safe to use from several threads.

    Methods raise KeyError for a run, a problem or a sample that is not there, and StoreError for a run that cannot be
    read.
    """

    def __init__(self, folder: ResultsFolder) -> None:
        self.folder = folder
        self._texts: OrderedDict[tuple[str, str], Texts] = OrderedDict()
        self._texts_lock = Lock()

    def build_board(self) -> dict[str, Any]:
        """Return the board: tables of models by benchmarks, and runs that cannot be read."""
        entries = self.folder.list_entries()
        return {
            "tables": [_serialize_table(table) for table in build_tables(s for one in entries for s in one.scores)],
            "skipped": [{"run": one.name, "reason": one.problem} for one in entries if one.problem],
        }

    def build_progress(self, run: str) -> dict[str, Any]:
        """Return how far a run is, from what its folder holds now."""
        manifest, index = self._read_manifest(run), self.folder.open_index(run)
        with index.lock:
            index.update()
            generated, judged, missing = index.generated, index.judged, index.count_missing(manifest)
            total, rate = generated + missing, index.rate_per_s
            statuses = index.count_statuses()
            broken = statuses.get(Status.INFRASTRUCTURE.value, 0)
            idle_s = _measure_idle(index.path)
            complete = judged >= total and not broken
            return {
                "run": run,
                "total": total,
                "generated": generated,
                "judged": judged,
                "statuses": statuses,
                "complete": complete,
                "running": not complete and idle_s is not None and idle_s < LIVE_S and not _has_report(index.path),
                "rate_per_s": rate,
                "left_s": (total - judged) / rate if rate else None,
                "idle_s": idle_s,
                "scores": [to_plain(score) for score in index.score(manifest)],
                "latest": [
                    {"benchmark": key[0], "task": key[1], "index": key[2], "status": status.value}
                    for key, status in index.latest
                ],
                "damaged": _describe_damage(index),
            }

    def build_rows(self, run: str) -> dict[str, Any]:
        """Return a row for each problem of a run."""
        manifest, index = self._read_manifest(run), self.folder.open_index(run)
        texts = {benchmark: self._load_texts(manifest, benchmark) for benchmark in manifest["tasks"]}
        with index.lock:
            index.update()
            rows = [
                _build_row(run, benchmark, task_id, texts[benchmark].get(task_id), index)
                for benchmark, task_ids in manifest["tasks"].items()
                for task_id in task_ids
            ]
        return {"rows": rows}

    def build_problem(self, runs: Sequence[str], benchmark: str, task_id: str) -> dict[str, Any]:
        """Return a problem's text, and each run's samples of it with their statuses."""
        manifest = self._read_manifest(runs[0])
        task_ids = manifest["tasks"][benchmark]
        if task_id not in task_ids:
            raise KeyError(task_id)
        text = self._load_texts(manifest, benchmark).get(task_id)
        at = task_ids.index(task_id)
        return {
            "benchmark": benchmark,
            "task": task_id,
            "title": replace_unprintable(text.title) if text else "",
            "prompt": replace_unprintable(text.prompt) if text else None,
            "reference": highlight_code(text.reference, text.language) if text and text.reference else None,
            "previous": task_ids[at - 1] if at else None,
            "next": task_ids[at + 1] if at + 1 < len(task_ids) else None,
            "runs": [self._build_column(run, benchmark, task_id) for run in runs],
        }

    def build_sample(self, run: str, benchmark: str, task_id: str, number: int) -> dict[str, Any]:
        """Return a sample with its texts and its verdict; long texts are cut and say so."""
        index = self.folder.open_index(run)
        with index.lock:
            index.update()
            sample, verdict = index.read_pair((benchmark, task_id, number))
        text = self._load_texts(self._read_manifest(run), benchmark).get(task_id)
        shown = build_sample(sample, verdict, text.language if text else "python")
        return {key: _cut(value) if isinstance(value, str) and key != "html" else value for key, value in shown.items()}

    def build_diff(self, runs: Sequence[str], benchmark: str, task_id: str, numbers: Sequence[int]) -> dict[str, Any]:
        """Return the code of two samples, aligned line by line.

        Raises:
            UsageError: there are not two of each.
        """
        if not len(runs) == len(numbers) == 2:
            raise UsageError(f"{len(runs)} runs and {len(numbers)} samples are named; name two of each")
        codes = []
        for run, number in zip(runs, numbers, strict=True):
            index = self.folder.open_index(run)
            with index.lock:
                index.update()
                codes.append(index.read_pair((benchmark, task_id, number))[0].code)
        if any(code.count("\n") > COMPARED_LINES or len(code) > SHOWN for code in codes):
            return {"diff": [], "note": f"The code is not compared: one program has over {COMPARED_LINES} lines."}
        return {"diff": align_lines(*codes), "note": ""}

    def list_others(self, benchmark: str, chosen: Sequence[str]) -> list[tuple[str, str]]:
        """List the runs that have `benchmark` and are not among `chosen`, as (name, text)."""
        others = {
            score.run: f"{score.model} ({score.run})"
            for entry in self.folder.list_entries()
            for score in entry.scores
            if score.column[0] == benchmark and score.run not in chosen
        }
        return list(others.items())

    def _build_column(self, run: str, benchmark: str, task_id: str) -> dict[str, Any]:
        manifest, index = self._read_manifest(run), self.folder.open_index(run)
        with index.lock:
            index.update()
            entries = dict(sorted(index.tasks.get((benchmark, task_id), {}).items()))
        return {
            "run": run,
            "url": make_run_url(run),
            "model": replace_unprintable(headline.name_model(manifest)),
            "digest": replace_unprintable(headline.shorten_weights_digest(manifest)),
            "samples": [
                {
                    "index": number,
                    "status": entry.status.value if entry.status else UNJUDGED,
                    "url": _make_url("/api/sample", run=run, benchmark=benchmark, task=task_id, index=number),
                }
                for number, entry in entries.items()
                if entry.sample is not None
            ],
        }

    def _read_manifest(self, run: str) -> dict[str, Any]:
        return read_begun_manifest(self.folder.find_run(run))

    def _load_texts(self, manifest: Mapping[str, Any], benchmark: str) -> Texts:
        key = (str(manifest["digest"]), benchmark)
        with self._texts_lock:  # a benchmark is loaded once, whoever asks meanwhile
            texts = self._texts.pop(key, None)
            if texts is None:
                texts = load_texts(manifest, benchmark)
            self._texts[key] = texts
            while len(self._texts) > KNOWN_TEXTS:
                self._texts.popitem(last=False)
        return texts


def _serialize_table(table: BoardTable) -> dict[str, Any]:
    return {
        "name": table.name,
        "columns": [{"benchmark": name, "metric": metric, "detail": detail} for name, metric, detail in table.columns],
        "rows": [
            {
                "model": row.model,
                "digest": row.digest,
                "date": row.date,
                "cells": [to_plain(row.cells.get(column)) for column in table.columns],
            }
            for row in table.rows
        ],
    }


def _build_row(run: str, benchmark: str, task_id: str, text: ProblemText | None, index: RunIndex) -> dict[str, Any]:
    entries: list[Entry] = [one for one in index.tasks.get((benchmark, task_id), {}).values() if one.sample is not None]
    statuses = Counter(entry.status.value if entry.status else UNJUDGED for entry in entries)
    tokens = [entry.tokens for entry in entries if entry.tokens is not None]
    address = {"run": run, "benchmark": benchmark, "task": task_id}
    return {
        "benchmark": benchmark,
        "task": task_id,
        "title": replace_unprintable(text.title) if text else "",
        "n": len(entries),
        "passed": statuses[Status.PASSED.value],
        "statuses": {status: statuses[status] for status in ORDER if statuses[status]},
        "tokens": round(fmean(tokens), 1) if tokens else None,
        "seconds": round(max((entry.cpu_time_s for entry in entries), default=0.0), 3),
        "search": replace_unprintable(text.prompt[-SEARCHED:]).lower() if text else "",
        "url": _make_url("/api/problem", **address),
        "page": _make_url("/problem", **address),
    }


def _make_url(path: str, **query: Any) -> str:
    return f"{path}?{urlencode(query)}"


def _measure_idle(path: Path) -> float | None:
    """Return the seconds since a row was written; None if there is none."""
    last = max(map(_read_mtime, (path / SAMPLES, path / VERDICTS)))
    return max(0.0, time.time() - last) if last else None


def _has_report(path: Path) -> bool:
    """Tell whether scores.json is newer than every row: the run has ended, whatever it lacks."""
    return _read_mtime(path / SCORES) >= max(map(_read_mtime, (path / SAMPLES, path / VERDICTS)))


def _read_mtime(file: Path) -> float:
    """Return when a file was written, 0 if there is none."""
    try:
        return file.stat().st_mtime
    except OSError:
        return 0.0


def _describe_damage(index: RunIndex) -> list[str]:
    more = index.damaged_count - len(index.damaged)
    lines = [replace_unprintable(line) for line in index.damaged]
    return [*lines, f"{more} more rows are damaged"] if more else lines


def _cut(text: str) -> str:
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}\n[{len(text) - SHOWN} more characters are not shown]"
