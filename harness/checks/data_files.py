"""Check the files that benchmarks read: which there are, where they are, whether they are the official ones.

A benchmark names its file in the class attribute `file`; files that programs of its environment read are added.
A benchmark without that attribute has no files here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from .. import registry
from ..data import DataFile, fetch, find_file, get_cache_path, get_url
from ..data.files import verify
from ..errors import DataError
from ..optional import get_files
from ..sandboxes.environments import ENVIRONMENTS
from ..types import Benchmark


@dataclass(frozen=True, slots=True, kw_only=True)
class FileState:
    """State of one benchmark file on this machine."""

    benchmark: str
    file: DataFile
    state: Literal["ok", "missing", "damaged"]
    path: Path | None
    about: str = ""
    """The fault of a damaged file, or the origin of a missing one."""


def select_benchmarks(names: Sequence[str]) -> list[tuple[str, Benchmark]]:
    """Return the benchmarks called `names`, or all.

    Raises:
        UsageError: a name is unknown.
    """
    return [(name, registry.make_benchmark(name)) for name in names or registry.list_registered("benchmarks")]


def list_files(benchmark: Benchmark) -> list[DataFile]:
    """List the benchmark's own files, then the files that programs in its environment read."""
    environment = ENVIRONMENTS.get(benchmark.environment)
    read = environment.folders.values() if environment else ()
    return [*get_files(benchmark), *(file for files in read for file in files)]


def check_files(names: Sequence[str] = ()) -> Iterator[FileState]:
    """Read and verify every file of the benchmarks called `names`, or of all; download nothing.

    Raises:
        UsageError: a name is unknown.
    """
    for name, benchmark in select_benchmarks(names):
        for file in list_files(benchmark):
            yield _check_file(name, file)


def fetch_files(names: Sequence[str] = ()) -> Iterator[FileState]:
    """Download missing files, replace damaged ones in the cache, and yield the state of every file.

    Large files are downloaded only for benchmarks that are named.

    Raises:
        UsageError: a name is unknown.
        DataError: a file cannot be downloaded.
    """
    for name, benchmark in select_benchmarks(names):
        for file in list_files(benchmark):
            state = _check_file(name, file)
            if file.on_request and not names:
                yield state
                continue
            if state.state == "missing" or (state.state == "damaged" and state.path == get_cache_path(file)):
                fetch(file)
                state = _check_file(name, file)
            yield state


def _check_file(name: str, file: DataFile) -> FileState:
    path = find_file(file)
    if path is None:
        return FileState(
            benchmark=name, file=file, state="missing", path=None, about=get_url(file) or f"comes from {file.origin}"
        )
    try:
        verify(file, path)
    except DataError as error:
        return FileState(benchmark=name, file=file, state="damaged", path=path, about=str(error))
    return FileState(benchmark=name, file=file, state="ok", path=path)
