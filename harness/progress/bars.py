"""Show the progress of a run on stderr: bars on a terminal, plain lines elsewhere.

Stages are "load", "generate" and "score"; generating and scoring run at the same time in two threads.
"""

from __future__ import annotations

import sys
import threading
import time
from typing import TYPE_CHECKING, Protocol, TextIO

from .streams import duplicate_stream

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress
    from rich.progress import TaskID

LINE_EVERY_S = 10.0
BAR_WIDTH = 20
"""Narrow enough for a line with rate and remaining time to fit 80 columns."""
PACE_AFTER_S = 2.0
"""A shorter measurement says nothing about the remaining time."""


class Progress(Protocol):
    """Shows how far a run is; a context manager that restores the terminal. Thread-safe."""

    def __enter__(self) -> Progress: ...

    def __exit__(self, *exc: object) -> None: ...

    def note(self, text: str) -> None:
        """Print one line."""

    def start(self, stage: str, total: int | None = None) -> None:
        """Start a stage of `total` steps, if the number is known. A stage may start again."""

    def advance(self, stage: str, tokens: int = 0) -> None:
        """Count one finished step, in which `tokens` were generated."""

    def finish(self, stage: str) -> None:
        """Finish the stage."""


class Quiet:
    """Shows nothing."""

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
    """Progress of one stage."""

    def __init__(self, total: int | None) -> None:
        self.total = total
        self.done = 0
        self.tokens = 0
        self.started = self.said = time.monotonic()

    def format_rate(self) -> str:
        seconds = time.monotonic() - self.started
        return f"{self.tokens / seconds:.0f} tokens/s" if self.tokens and seconds else ""

    def format_time_left(self) -> str:
        """Estimate the remaining time from the pace so far; empty while the pace is not known."""
        seconds = time.monotonic() - self.started
        if self.total is None or not self.done or self.done >= self.total or seconds < PACE_AFTER_S:
            return ""
        return f"~{span(seconds / self.done * (self.total - self.done))} left"

    def format_pace(self) -> str:
        return ", ".join(filter(None, [self.format_rate(), self.format_time_left()]))


class Lines:
    """Prints a plain line from time to time."""

    def __init__(self, every_s: float = LINE_EVERY_S) -> None:
        self._stream: TextIO | None = None
        self._every_s = every_s
        self._counts: dict[str, _Count] = {}
        self._lock = threading.Lock()

    def __enter__(self) -> Lines:
        self._stream = duplicate_stream(sys.stderr)
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
                self.note(_format_line(stage, count))

    def finish(self, stage: str) -> None:
        """Implement `Progress.finish`."""
        with self._lock:
            count = self._counts.pop(stage)
            self.note(f"{_format_line(stage, count)} done in {time.monotonic() - count.started:.1f} s")


class Bars:
    """Draws one bar per stage with rich."""

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
            TextColumn("{task.fields[pace]}"),
            console=Console(file=duplicate_stream(sys.stderr)),
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
            self._tasks[stage] = self._bars.add_task(stage, total=total, pace="")

    def advance(self, stage: str, tokens: int = 0) -> None:
        """Implement `Progress.advance`."""
        with self._lock:
            count = self._counts[stage]
            count.done += 1
            count.tokens += tokens
            assert self._bars is not None
            self._bars.update(self._tasks[stage], advance=1, pace=count.format_pace())

    def finish(self, stage: str) -> None:
        """Implement `Progress.finish`."""
        with self._lock:
            count = self._counts.pop(stage)
            task = self._tasks.pop(stage)
            assert self._bars is not None
            if count.total is None:
                self._bars.update(task, total=1, completed=1)
            self._bars.update(task, pace=count.format_rate())
            self._bars.stop_task(task)


def open_progress() -> Progress:
    """Return bars if stderr is a terminal, otherwise lines; show nothing if there is no stderr."""
    if sys.stderr is None:
        return Quiet()
    return Bars() if sys.stderr.isatty() else Lines()


def _format_line(stage: str, count: _Count) -> str:
    if count.total is None:
        return f"{stage}:"
    pace = count.format_pace()
    return f"{stage}: {count.done}/{count.total}" + (f", {pace}" if pace else "")


def span(seconds: float) -> str:
    """Format a duration: "4.2 s", "42 s", "3 min 10 s" or "2 h 5 min"."""
    whole = round(seconds)
    if whole < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
