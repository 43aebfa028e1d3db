"""How far a run is: bars on a terminal, plain lines elsewhere, always on stderr.

Stages are "load", "generate" and "score"; generating and scoring go on at the same time, in two threads.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from typing import TYPE_CHECKING, Protocol, TextIO

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress
    from rich.progress import TaskID

LINE_EVERY_S = 10.0


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
        """As `Progress.note`."""

    def start(self, stage: str, total: int | None = None) -> None:
        """As `Progress.start`."""

    def advance(self, stage: str, tokens: int = 0) -> None:
        """As `Progress.advance`."""

    def finish(self, stage: str) -> None:
        """As `Progress.finish`."""


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


class Lines:
    """A plain line now and then."""

    def __init__(self, stream: TextIO, every_s: float = LINE_EVERY_S) -> None:
        self._stream = stream
        self._every_s = every_s
        self._counts: dict[str, _Count] = {}
        self._lock = threading.Lock()

    def __enter__(self) -> Lines:
        return self

    def __exit__(self, *exc: object) -> None:
        pass

    def note(self, text: str) -> None:
        """As `Progress.note`."""
        print(text, file=self._stream, flush=True)

    def start(self, stage: str, total: int | None = None) -> None:
        """As `Progress.start`."""
        with self._lock:
            self._counts[stage] = _Count(total)
            self.note(f"{stage}: started" + (f", {total} to do" if total is not None else ""))

    def advance(self, stage: str, tokens: int = 0) -> None:
        """As `Progress.advance`."""
        with self._lock:
            count = self._counts[stage]
            count.done += 1
            count.tokens += tokens
            if time.monotonic() - count.said >= self._every_s:
                count.said = time.monotonic()
                self.note(_line(stage, count))

    def finish(self, stage: str) -> None:
        """As `Progress.finish`."""
        with self._lock:
            count = self._counts.pop(stage)
            self.note(f"{_line(stage, count)} done in {time.monotonic() - count.started:.1f} s")


class Bars:
    """A bar per stage, drawn by rich."""

    def __init__(self, stream: TextIO) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        self._bars: RichProgress = Progress(
            TextColumn("{task.description:<9}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[rate]}"),
            console=Console(file=stream),
        )
        self._tasks: dict[str, TaskID] = {}
        self._counts: dict[str, _Count] = {}
        self._lock = threading.Lock()

    def __enter__(self) -> Bars:
        self._bars.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._bars.stop()

    def note(self, text: str) -> None:
        """As `Progress.note`."""
        self._bars.console.print(text, markup=False, highlight=False, soft_wrap=True)

    def start(self, stage: str, total: int | None = None) -> None:
        """As `Progress.start`."""
        with self._lock:
            self._counts[stage] = _Count(total)
            self._tasks[stage] = self._bars.add_task(stage, total=total, rate="")

    def advance(self, stage: str, tokens: int = 0) -> None:
        """As `Progress.advance`."""
        with self._lock:
            count = self._counts[stage]
            count.done += 1
            count.tokens += tokens
            self._bars.update(self._tasks[stage], advance=1, rate=count.rate())

    def finish(self, stage: str) -> None:
        """As `Progress.finish`."""
        with self._lock:
            count = self._counts.pop(stage)
            task = self._tasks.pop(stage)
            if count.total is None:
                self._bars.update(task, total=1, completed=1)
            self._bars.stop_task(task)


def open_progress() -> Progress:
    """Bars where stderr is a terminal, else lines.

    The stream is a duplicate: engines are loaded with descriptors 1 and 2 sent to a log.
    """
    stream = os.fdopen(os.dup(sys.stderr.fileno()), "w", encoding="utf-8", errors="replace")
    return Bars(stream) if stream.isatty() else Lines(stream)


def _line(stage: str, count: _Count) -> str:
    if count.total is None:
        return f"{stage}:"
    rate = count.rate()
    return f"{stage}: {count.done}/{count.total}" + (f", {rate}" if rate else "")
