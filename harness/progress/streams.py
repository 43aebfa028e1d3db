"""Give a command a stdout and a stderr that never fail: output that cannot be written is dropped, the error is kept.

The reader of the output may exit (`harness list | true`), or a descriptor may be closed from the start (`2>&-`).
Neither may end a run. Without a descriptor 1 or 2, the first file that is opened would get that number, and the output
of libraries and subprocesses would go into it. /dev/null is opened in its place.
"""

from __future__ import annotations

import errno
import io
import os
import select
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

STDIN, STDOUT, STDERR = 0, 1, 2


class GuardedFile(io.FileIO):
    """A file descriptor for writing that drops what it cannot write; `error` is the first failure."""

    def __init__(self, descriptor: int, *, missing: bool = False, closefd: bool = False) -> None:
        super().__init__(descriptor, "w", closefd=closefd)
        self._missing = missing
        self.error: OSError | None = None

    def write(self, data: ReadableBuffer, /) -> int:
        """Write `data` and return the number of bytes consumed."""
        if self._missing and self.error is None:
            self.error = OSError(errno.EBADF, "it is closed")
        if self.error is None:
            try:
                while (written := super().write(data)) is None:
                    select.select([], [self], [])  # the descriptor does not block, and its pipe is full
                return written
            except OSError as error:
                self.error = error
        return memoryview(data).nbytes


@dataclass(frozen=True, slots=True)
class Streams:
    """The output streams of the running command."""

    stdout: GuardedFile | None
    """None if somebody else has replaced stdout."""

    def flush_stdout(self) -> OSError | None:
        """Flush stdout and return the error that stopped it from writing, if any."""
        sys.stdout.flush()
        return self.stdout.error if self.stdout is not None else None


@contextmanager
def guard_streams() -> Iterator[Streams]:
    """Replace `sys.stdout` and `sys.stderr` inside the block, unless somebody else has replaced them already."""
    missing = _fill_descriptors()
    before = sys.stdout, sys.stderr
    files: dict[int, GuardedFile] = {}
    if sys.stdout is None or sys.stdout is sys.__stdout__:
        files[STDOUT] = GuardedFile(STDOUT, missing=STDOUT in missing)
        sys.stdout = _open_text_stream(files[STDOUT], before[0])
    if sys.stderr is None or sys.stderr is sys.__stderr__:
        files[STDERR] = GuardedFile(STDERR, missing=STDERR in missing)
        sys.stderr = _open_text_stream(files[STDERR], before[1])
    try:
        yield Streams(files.get(STDOUT))
    finally:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        sys.stdout, sys.stderr = before


def duplicate_stream(stream: TextIO) -> TextIO:
    """Duplicate stdout or stderr, because engines redirect descriptors 1 and 2 to a log while they load."""
    file = GuardedFile(os.dup(stream.fileno()), closefd=True)
    return io.TextIOWrapper(io.BufferedWriter(file), encoding="utf-8", errors="replace", line_buffering=True)


def _fill_descriptors() -> set[int]:
    """Open /dev/null for each closed standard descriptor, and return those descriptors."""
    missing = set()
    for descriptor in (STDIN, STDOUT, STDERR):
        try:
            os.fstat(descriptor)
        except OSError:
            opened = os.open(os.devnull, os.O_RDONLY if descriptor == STDIN else os.O_WRONLY)
            if opened != descriptor:
                os.dup2(opened, descriptor)
                os.close(opened)
            os.set_inheritable(descriptor, True)
            missing.add(descriptor)
    return missing


def _open_text_stream(file: GuardedFile, like: TextIO | None) -> TextIO:
    """Return a text stream onto `file` that escapes characters its encoding lacks."""
    encoding = like.encoding if like is not None else "utf-8"
    return io.TextIOWrapper(
        io.BufferedWriter(file), encoding=encoding, errors="backslashreplace", line_buffering=file.isatty()
    )
