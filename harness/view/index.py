"""Index of a run's journals: where each sample and verdict lies, and what tables need of it.

An index grows with its run: each update reads only the lines that are new. Texts stay on the disk; 164 problems of
200 samples take some 15 MB. A damaged row is noted and passed over, so that the rest of its run can be looked at.
"""

from __future__ import annotations

import json
import os
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any, TypeVar

from ..config import select_ks
from ..errors import StoreError, reason
from ..report.summary import compute_scores
from ..store import SAMPLES, VERDICTS
from ..store.records import SampleKey, parse_sample, parse_verdict
from ..types import Sample, Score, Status, Verdict

LATEST = 8
"""Verdicts that a live page names."""
DAMAGED = 20
"""Damaged rows that are named; more are counted."""
RATE_WINDOW_S = 60.0
"""Rates of a live run are over this time, or what of it was watched."""
TaskKey = tuple[str, str]
"""(benchmark, task_id)."""
Record = TypeVar("Record", Sample, Verdict)


@dataclass(slots=True)
class Line:
    """Place of a line in a journal, in bytes."""

    begin: int
    size: int


@dataclass(slots=True)
class Entry:
    """A sample as far as tables show it."""

    sample: Line | None = None
    verdict: Line | None = None
    tokens: int | None = None
    status: Status | None = None
    base_status: Status | None = None
    cpu_time_s: float = 0.0


class Tail:
    """The whole lines of a growing file, each yielded once; a torn last line waits for its end."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._offset = self._number = 0
        self._inode: int | None = None

    def was_replaced(self) -> bool:
        """Tell whether the file is another one, or was cut, since it was read."""
        try:
            stat = self.path.stat()
        except OSError:
            return self._inode is not None
        return self._inode is not None and (stat.st_ino != self._inode or stat.st_size < self._offset)

    def read_new(self) -> Iterator[tuple[int, Line, bytes]]:
        """Yield number (from 1), place and bytes of each line that is new; none if there is no file."""
        if not self.path.exists():
            return
        with self.path.open("rb") as file:
            self._inode = os.fstat(file.fileno()).st_ino
            file.seek(self._offset)
            for line in file:
                if not line.endswith(b"\n"):
                    return
                place = Line(self._offset, len(line))
                self._offset += len(line)
                self._number += 1
                yield self._number, place, line

    def read_line(self, place: Line) -> bytes:
        """Read the line at `place`."""
        with self.path.open("rb") as file:
            file.seek(place.begin)
            return file.read(place.size)


class RunIndex:
    """Samples and verdicts of one run; `update` before a look at it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lock = Lock()
        """Held while the index is updated and read."""
        self._seen: deque[tuple[float, int]] = deque()
        """(monotonic time, judged samples) of updates, for the rate."""
        self._clear()

    def update(self) -> None:
        """Read what the run has written since the last update.

        Raises:
            StoreError: a journal cannot be read.
        """
        if self._samples.was_replaced() or self._verdicts.was_replaced():
            self._clear()
        try:
            for key, place, sample in self._read(self._samples, parse_sample):
                entry = self._get_entry(key)
                entry.sample, entry.tokens = place, sample.completion.completion_tokens
            for key, place, verdict in self._read(self._verdicts, parse_verdict):
                entry = self._get_entry(key)
                entry.verdict, entry.cpu_time_s = place, verdict.cpu_time_s
                entry.status, entry.base_status = verdict.status, verdict.base_status
                self.latest.appendleft((key, verdict.status))
        except OSError as error:
            raise StoreError(f"{error.filename} cannot be read: {reason(error)}") from error
        now = time.monotonic()
        self._seen.append((now, self.judged))
        while self._seen[0][0] < now - RATE_WINDOW_S:
            self._seen.popleft()

    @property
    def generated(self) -> int:
        """Count the samples."""
        return sum(entry.sample is not None for entries in self.tasks.values() for entry in entries.values())

    @property
    def judged(self) -> int:
        """Count the samples that have a verdict; one without a sample was exchanged and does not count."""
        return sum(
            entry.sample is not None and entry.verdict is not None
            for entries in self.tasks.values()
            for entry in entries.values()
        )

    @property
    def rate_per_s(self) -> float | None:
        """Return the samples judged per second while the run was watched; None if nothing was seen to move."""
        (begin, before), (end, after) = self._seen[0], self._seen[-1]
        return (after - before) / (end - begin) if end > begin and after > before else None

    def count_statuses(self, benchmark: str | None = None) -> dict[str, int]:
        """Count the verdicts by status, in the order of `Status`."""
        counts: Counter[Status] = Counter(
            entry.status
            for (name, _), entries in self.tasks.items()
            if benchmark in (None, name)
            for entry in entries.values()
            if entry.status is not None and entry.sample is not None
        )
        return {status.value: counts[status] for status in Status if counts[status]}

    def score(self, manifest: Mapping[str, Any]) -> list[Score]:
        """Compute the scores of what is judged by now, as the run's report does."""
        scores: list[Score] = []
        for benchmark, task_ids in manifest["tasks"].items():
            outcomes: Counter[tuple[str, Status, Status | None]] = Counter()
            for task_id in task_ids:
                for entry in self.tasks.get((benchmark, task_id), {}).values():
                    if entry.sample is not None and entry.status not in (None, Status.INFRASTRUCTURE):
                        assert entry.status is not None
                        outcomes[task_id, entry.status, entry.base_status] += 1
            drawn = min((self._count_samples((benchmark, task_id)) for task_id in task_ids), default=0)
            scores += compute_scores(benchmark, task_ids, outcomes, select_ks(manifest["config"]["k"], drawn))
        return scores

    def count_missing(self, manifest: Mapping[str, Any]) -> int:
        """Count the samples that were asked for and are not generated."""
        n = manifest["config"].get("n", 1)
        return sum(
            max(0, n - self._count_samples((benchmark, task_id)))
            for benchmark, task_ids in manifest["tasks"].items()
            for task_id in task_ids
        )

    def read_pair(self, key: SampleKey) -> tuple[Sample, Verdict | None]:
        """Read a sample and its verdict from the disk.

        Raises:
            KeyError: there is no such sample.
            StoreError: it cannot be read, or its line has changed.
        """
        entry = self.tasks.get(key[:2], {}).get(key[2])
        if entry is None or entry.sample is None:
            raise KeyError(key)
        try:
            sample = parse_sample(json.loads(self._samples.read_line(entry.sample)))
            verdict = entry.verdict and parse_verdict(json.loads(self._verdicts.read_line(entry.verdict)))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise StoreError(f"{self.path}: sample {key[2]} of {key[1]} cannot be read: {reason(error)}") from error
        return sample, verdict or None

    def _clear(self) -> None:
        self.tasks: dict[TaskKey, dict[int, Entry]] = {}
        """Samples of each problem by index."""
        self.latest: deque[tuple[SampleKey, Status]] = deque(maxlen=LATEST)
        """The last verdicts, the newest first."""
        self.damaged: list[str] = []
        """What is wrong with rows, `DAMAGED` of them at most."""
        self.damaged_count = 0
        self._samples, self._verdicts = Tail(self.path / SAMPLES), Tail(self.path / VERDICTS)
        self._seen.clear()

    def _read(
        self, tail: Tail, parse: Callable[[Mapping[str, Any]], Record]
    ) -> Iterator[tuple[SampleKey, Line, Record]]:
        for number, place, line in tail.read_new():
            try:
                record = parse(json.loads(line))
            except (ValueError, KeyError, TypeError, RecursionError) as error:
                self.damaged_count += 1
                if len(self.damaged) < DAMAGED:
                    lacks = f"it has no {error.args[0]}" if isinstance(error, KeyError) else reason(error)
                    self.damaged.append(f"{tail.path.name} line {number} is damaged and left out: {lacks}")
                continue
            yield (record.benchmark, record.task_id, record.index), place, record

    def _get_entry(self, key: SampleKey) -> Entry:
        return self.tasks.setdefault(key[:2], {}).setdefault(key[2], Entry())

    def _count_samples(self, key: TaskKey) -> int:
        return sum(entry.sample is not None for entry in self.tasks.get(key, {}).values())
