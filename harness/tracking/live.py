"""Log a run to trackers while it goes. A tracker has a thread of its own, so neither its time nor its errors count."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from queue import SimpleQueue
from threading import Thread

from .. import report
from ..errors import reason
from ..store import RunFolder
from ..types import Verdict
from .metrics import VerdictCurves, collect_params, collect_scores
from .trackers import TRACKERS, Tracker

END_WITHIN_S = 120.0
"""Time for a tracker to write what is left at the end; MLflow takes seconds to make a database."""
Point = tuple[Mapping[str, float], int]
"""Metrics and step."""


class RunTracker:
    """Logs one start of the run in the folder `path` to the trackers `names`; a context manager around its session.

    `warn` is given a line for a tracker that fails, which gets nothing more.
    """

    def __init__(
        self, names: Sequence[str] = (), path: Path = Path(), warn: Callable[[str], None] = lambda _: None
    ) -> None:
        self._names = tuple(dict.fromkeys(names))
        self._path = path
        self._warn = warn
        self._curves = VerdictCurves()
        self._writers: list[_Writer] = []

    def __enter__(self) -> RunTracker:
        return self

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        if kind is None and self._writers:
            self._put(self._curves.finish() | collect_scores(report.read(self._path)))
        elif kind is None and self._names:
            self._warn(f"nothing was left to judge or to log; `harness export {self._path}` can log the run as it is")
        for writer in self._writers:
            writer.finish(complete=kind is None)

    def start(self, folder: RunFolder, total: int) -> None:
        """Open the trackers, unless that has been done; `total` verdicts are to come.

        The curves go on from the verdicts of earlier starts.
        """
        if self._writers or not self._names:
            return
        self._curves = VerdictCurves(len(folder.verdicts) + total)
        for verdict in folder.verdicts.values():
            self._curves.add(verdict)
        params = collect_params(folder.manifest)
        self._writers = [_Writer(name, self._path, params, self._warn) for name in self._names]
        for writer in self._writers:
            writer.start()

    def record_verdict(self, verdict: Verdict) -> None:
        """Count a verdict."""
        if self._writers and (point := self._curves.add(verdict)) is not None:
            self._put(point)

    def _put(self, metrics: Mapping[str, float]) -> None:
        for writer in self._writers:
            writer.points.put((metrics, self._curves.step))


class _Writer(Thread):
    """Writes the points of `points` to one tracker until it is finished or fails."""

    def __init__(self, name: str, path: Path, params: Mapping[str, str], warn: Callable[[str], None]) -> None:
        super().__init__(name=f"log to {name}", daemon=True)
        self.points: SimpleQueue[Point | None] = SimpleQueue()
        self._tracker = name
        self._path = path
        self._params = params
        self._warn = warn
        self._complete = False

    def run(self) -> None:
        """Open the tracker, write, and close it."""
        try:
            kind = TRACKERS[self._tracker]
            tracker: Tracker = kind.open(kind.place(self._path), self._path.name, self._params)
            while (point := self.points.get()) is not None:
                tracker.log(*point)
            tracker.close(complete=self._complete)
        except Exception as error:  # noqa: BLE001 - libraries of others, none of whose errors may end the run
            self._warn(f"warning: nothing more is logged to {self._tracker}: {reason(error)}")

    def finish(self, *, complete: bool) -> None:
        """Wait until everything is written, within limits."""
        self._complete = complete
        self.points.put(None)
        self.join(END_WITHIN_S)
        if self.is_alive():
            self._warn(f"warning: {self._tracker} took more than {END_WITHIN_S:.0f} s at the end and was left behind")
