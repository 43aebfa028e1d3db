"""The files that benchmarks read: which there are, where they lie, whether they are the official ones.

A benchmark names its file in the class attribute `file`; what programs of its environment read comes with it.
A benchmark without one keeps its problems some other way and has nothing to show here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from .. import registry
from ..data import DataFile, address, cached, fetch, found_at, verified
from ..errors import DataError
from ..optional import HasFile
from ..sandboxes.environments import ENVIRONMENTS
from ..types import Benchmark


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """One file of a benchmark, as it is here."""

    benchmark: str
    file: DataFile
    state: Literal["ok", "missing", "damaged"]
    path: Path | None
    about: str = ""
    """What is wrong, or where a missing file comes from."""


def chosen(names: Sequence[str]) -> list[tuple[str, Benchmark]]:
    """The benchmarks called `names`, or all.

    Raises:
        UsageError: a name is unknown.
    """
    return [(name, registry.lookup("benchmarks", name)()) for name in names or registry.names("benchmarks")]


def files_of(benchmark: Benchmark) -> list[DataFile]:
    """Its own file first, then those that its environment's programs read."""
    own: list[DataFile] = [benchmark.file] if isinstance(benchmark, HasFile) else []
    environment = ENVIRONMENTS.get(benchmark.environment)
    read = environment.folders.values() if environment else ()
    return [*own, *(file for files in read for file in files)]


def states(names: Sequence[str] = ()) -> Iterator[State]:
    """Every file of the benchmarks called `names`, or of all, read and compared; nothing is downloaded.

    Raises:
        UsageError: a name is unknown.
    """
    for name, benchmark in chosen(names):
        for file in files_of(benchmark):
            yield _state(name, file)


def fetched(names: Sequence[str] = ()) -> Iterator[State]:
    """Yield what `states` does, after bringing what is missing and replacing what is damaged in the cache.

    Raises:
        UsageError: a name is unknown.
        DataError: a file cannot be downloaded.
    """
    for name, benchmark in chosen(names):
        for file in files_of(benchmark):
            state = _state(name, file)
            if state.state == "missing" or (state.state == "damaged" and state.path == cached(file)):
                fetch(file)
                state = _state(name, file)
            yield state


def _state(name: str, file: DataFile) -> State:
    path = found_at(file)
    if path is None:
        return State(
            benchmark=name, file=file, state="missing", path=None, about=address(file) or f"comes from {file.origin}"
        )
    try:
        verified(file, path)
    except DataError as error:
        return State(benchmark=name, file=file, state="damaged", path=path, about=str(error))
    return State(benchmark=name, file=file, state="ok", path=path)
