"""How far a run is: bars on a terminal, plain lines elsewhere, always on stderr.

Stages are "load", "generate" and "score"; generating and scoring go on at the same time, in two threads.
"""

from __future__ import annotations

import sys
import threading
import time
from typing import TYPE_CHECKING, Protocol, TextIO

from .streams import lasting

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress
    from rich.progress import TaskID

LINE_EVERY_S = 10.0
BAR_WIDTH = 20
"""So that a line fits 80 columns with its rate and the time left."""
PACE_AFTER_S = 2.0
"""A pace of less than that says nothing about the rest."""


class Progress(Protocol):
    """Told what happens; a context manager that leaves the terminal as it found it. Safe to use from threads."""

    def __enter__(self) -> Progress: ...

    def __exit__(self, *exc: object) -> None: ...

    def note(self, text: str) -> None:
        """Say one line."""

    def start(self, stage: str, total: int | None = None) -> None:
        """A stage begins; `total` is how many steps it has, where that is known. It may begin again."""

    def advance(self, stage: str, tokens: int = 0) -> None:
        """One step is done; `tokens` were generated in it."""

    def finish(self, stage: str) -> None:
        """The stage is over."""


class Quiet:
    """Says nothing."""

    def __enter__(self) -> Quiet:
        return self

    def __exit__(self, *exc: object) -> None:
        pass

    def note(self, text: str) -> None:
        """Implement `Progress.note`."""

    def start(self, stage: str, total: int | None = None) -> None:
        """Implement `Progress.start`."""

    def advance(self, stage: str, tokens: int = 0) -> None:
        """Implement `Progress.advance`."""

    def finish(self, stage: str) -> None:
        """Implement `Progress.finish`."""


class _Count:
    """How far one stage is."""

    def __init__(self, total: int | None) -> None:
        self.total = total
        self.done = 0
        self.tokens = 0
        self.started = self.said = time.monotonic()

    def rate(self) -> str:
        seconds = time.monotonic() - self.started
        return f"{self.tokens / seconds:.0f} tokens/s" if self.tokens and seconds else ""

    def left(self) -> str:
        """How long the rest takes at the pace until now; nothing before a pace can be told."""
        seconds = time.monotonic() - self.started
        if self.total is None or not self.done or self.done >= self.total or seconds < PACE_AFTER_S:
            return ""
        return f"~{span(seconds / self.done * (self.total - self.done))} left"

    def told(self) -> str:
        return ", ".join(filter(None, [self.rate(), self.left()]))


class Lines:
    """A plain line now and then."""

    def __init__(self, every_s: float = LINE_EVERY_S) -> None:
        self._stream: TextIO | None = None
        self._every_s = every_s
        self._counts: dict[str, _Count] = {}
        self._lock = threading.Lock()

    def __enter__(self) -> Lines:
        self._stream = lasting(sys.stderr)
        return self

    def __exit__(self, *exc: object) -> None:
        if self._stream is not None:
            self._stream.close()
        self._stream = None
        self._counts.clear()

    def note(self, text: str) -> None:
        """Implement `Progress.note`."""
        print(text, file=self._stream or sys.stderr, flush=True)

    def start(self, stage: str, total: int | None = None) -> None:
        """Implement `Progress.start`."""
        with self._lock:
            self._counts[stage] = _Count(total)
            self.note(f"{stage}: started" + (f", {total} to do" if total is not None else ""))

    def advance(self, stage: str, tokens: int = 0) -> None:
        """Implement `Progress.advance`."""
        with self._lock:
            count = self._counts[stage]
            count.done += 1
            count.tokens += tokens
            if time.monotonic() - count.said >= self._every_s:
                count.said = time.monotonic()
                self.note(_line(stage, count))

    def finish(self, stage: str) -> None:
        """Implement `Progress.finish`."""
        with self._lock:
            count = self._counts.pop(stage)
            self.note(f"{_line(stage, count)} done in {time.monotonic() - count.started:.1f} s")


class Bars:
    """A bar per stage, drawn by rich."""

    def __init__(self) -> None:
        self._bars: RichProgress | None = None
        self._tasks: dict[str, TaskID] = {}
        self._counts: dict[str, _Count] = {}
        self._lock = threading.Lock()

    def __enter__(self) -> Bars:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        self._bars = Progress(
            TextColumn("{task.description:<9}"),
            BarColumn(BAR_WIDTH),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[told]}"),
            console=Console(file=lasting(sys.stderr)),
        )
        self._bars.start()
        return self

    def __exit__(self, *exc: object) -> None:
        if self._bars is not None:
            self._bars.stop()
            self._bars.console.file.close()
        self._bars = None
        self._counts.clear()
        self._tasks.clear()

    def note(self, text: str) -> None:
        """Implement `Progress.note`."""
        if self._bars is None:
            sys.stderr.write(f"{text}\n")
            return
        self._bars.console.print(text, markup=False, highlight=False, soft_wrap=True)

    def start(self, stage: str, total: int | None = None) -> None:
        """Implement `Progress.start`."""
        assert self._bars is not None
        with self._lock:
            self._counts[stage] = _Count(total)
            self._tasks[stage] = self._bars.add_task(stage, total=total, told="")

    def advance(self, stage: str, tokens: int = 0) -> None:
        """Implement `Progress.advance`."""
        with self._lock:
            count = self._counts[stage]
            count.done += 1
            count.tokens += tokens
            assert self._bars is not None
            self._bars.update(self._tasks[stage], advance=1, told=count.told())

    def finish(self, stage: str) -> None:
        """Implement `Progress.finish`."""
        with self._lock:
            count = self._counts.pop(stage)
            task = self._tasks.pop(stage)
            assert self._bars is not None
            if count.total is None:
                self._bars.update(task, total=1, completed=1)
            self._bars.update(task, told=count.rate())
            self._bars.stop_task(task)


def open_progress() -> Progress:
    """Return bars if stderr is a terminal, else lines; nothing is said if there is no stderr."""
    if sys.stderr is None:
        return Quiet()
    return Bars() if sys.stderr.isatty() else Lines()


def _line(stage: str, count: _Count) -> str:
    if count.total is None:
        return f"{stage}:"
    told = count.told()
    return f"{stage}: {count.done}/{count.total}" + (f", {told}" if told else "")


def span(seconds: float) -> str:
    """ "4.2 s", "42 s", "3 min 10 s", "2 h 5 min"."""
    whole = round(seconds)
    if whole < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
