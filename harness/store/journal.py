"""Append-only files of JSON lines: written a whole line at a time, read back a row at a time.

A line is handed to the kernel at once, so a killed process loses at most the row it was writing. A torn last line is
ignored when reading and cut off when the file is opened for writing.
"""

from __future__ import annotations

import errno
import json
import os
import weakref
from array import array
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from ..errors import INFRASTRUCTURE, StoreError, reason
from ..types import Sample, Verdict
from .records import SampleKey, build_key

Record = TypeVar("Record", bound=Sample | Verdict)
ABSENT = -1


class Journal:
    """An append-only file of JSON lines, opened for writing; a torn last line is cut off first."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            if path.exists() and (whole := _measure_whole_lines(path)) < path.stat().st_size:
                os.truncate(path, whole)
            self._file = path.open("ab", buffering=0)
        except OSError as error:
            raise make_write_error(path, error) from error

    def append(self, row: Mapping[str, Any]) -> int:
        """Write one row and return its size in bytes; the kernel has it when this returns.

        Raises:
            StoreError: the row cannot be written (a full disk, say). What was written before stays.
        """
        line = json.dumps(row, separators=(",", ":")).encode() + b"\n"
        view = memoryview(line)
        try:
            while view:
                view = view[self._file.write(view) or 0 :]
        except OSError as error:
            raise make_write_error(self._path, error) from error
        return len(line)

    def close(self) -> None:
        """Sync the file to the disk and close it."""
        try:
            os.fsync(self._file.fileno())
        except OSError as error:
            if error.errno != errno.EINVAL:  # such as a device: nothing to sync
                raise make_write_error(self._path, error) from error
        finally:
            self._file.close()


class LineIndex:
    """Offsets of a file's lines, for reading them by number; 8 bytes a line."""

    def __init__(self) -> None:
        self._ends = array("Q", [0])
        """Byte offsets: line i lies between offsets i and i + 1."""

    def __len__(self) -> int:
        return len(self._ends) - 1

    def add(self, size: int) -> None:
        """Add the next line, of `size` bytes."""
        self._ends.append(self._ends[-1] + size)

    def read(self, descriptor: int, number: int) -> bytes:
        """Read line `number`, from 0, of the open file."""
        begin, end = self._ends[number], self._ends[number + 1]
        return os.pread(descriptor, end - begin, begin)


class Rows(Mapping[SampleKey, Record]):
    """The last row of each key in a journal, in the order of problems and indices.

    A row is read from the file when it is asked for; memory holds only its position, some 20 bytes.

    Raises:
        StoreError: a row is damaged (raised at once, with its line), or the file cannot be read any more.
    """

    def __init__(self, path: Path, parse: Callable[[Mapping[str, Any]], Record]) -> None:
        self._path, self._parse = path, parse
        self._numbers: dict[tuple[str, str], array[int]] = {}
        """(benchmark, task_id) -> line number (from 0) by sample index; ABSENT if there is no line."""
        self._lines = LineIndex()
        self._file: int | None = None
        for _, line in read_whole_lines(path):
            self.record_row(build_key(self._parse_line(len(self._lines) + 1, line)), len(line))

    def __getitem__(self, key: SampleKey) -> Record:
        number = self._find_line(key)
        if number == ABSENT:
            raise KeyError(key)
        try:
            if self._file is None:
                self._file = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
                weakref.finalize(self, os.close, self._file)
            line = self._lines.read(self._file, number)
        except OSError as error:
            raise StoreError(f"{self._path} cannot be read: {reason(error)}") from error
        return self._parse_line(number + 1, line)

    def __contains__(self, key: object) -> bool:
        # Mapping's own method would read the row.
        return self._find_line(key) != ABSENT

    def __iter__(self) -> Iterator[SampleKey]:
        for (benchmark, task_id), numbers in self._numbers.items():
            for index, number in enumerate(numbers):
                if number != ABSENT:
                    yield benchmark, task_id, index

    def __len__(self) -> int:
        return sum(len(numbers) - numbers.count(ABSENT) for numbers in self._numbers.values())

    def record_row(self, key: SampleKey, size: int) -> None:
        """Record that a row of `size` bytes was appended for `key`."""
        benchmark, task_id, index = key
        numbers = self._numbers.setdefault((benchmark, task_id), array("q"))
        numbers.extend([ABSENT] * (index + 1 - len(numbers)))
        numbers[index] = len(self._lines)
        self._lines.add(size)

    def _find_line(self, key: Any) -> int:
        benchmark, task_id, index = key
        numbers = self._numbers.get((benchmark, task_id), ())
        return numbers[index] if 0 <= index < len(numbers) else ABSENT

    def _parse_line(self, number: int, line: bytes) -> Record:
        try:
            return self._parse(json.loads(line))
        except KeyError as error:
            raise StoreError(f"{self._path} line {number} is damaged: it has no {error.args[0]}") from error
        except (ValueError, TypeError, RecursionError) as error:
            raise StoreError(f"{self._path} line {number} is damaged: {reason(error)}") from error


def read_whole_lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Yield the whole lines of `path` with their numbers; none if there is no such file."""
    if not path.exists():
        return
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            if line.endswith(b"\n"):
                yield number, line


def make_write_error(path: Path, error: OSError) -> StoreError:
    """Return the one-line error for a failed write to `path`."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return StoreError(
            f"{path}: the disk is full. Free some space and give the same command again; it resumes",
            exit_code=INFRASTRUCTURE,
        )
    return StoreError(f"{path} cannot be written: {error.strerror or error}")


def _measure_whole_lines(path: Path) -> int:
    """Return the length of `path` up to the end of its last whole line."""
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
