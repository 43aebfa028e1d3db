"""Verdicts that are known already: equal trials run once, within a run and across runs.

Equal are trials of the same program and judge under the same limits in the same sandbox: whatever it says of
itself (image or interpreter, isolation, where verdicts are computed) and the code it is made of are part of a
verdict's name. Time-outs, memory deaths and the judge's own trouble may come out otherwise next time and are
never kept. The store is one SQLite file in the cache folder, shared by any number of processes of one machine;
a damaged one is said and done without.
Not guaranteed: WAL needs shared memory, so the cache folder must not lie on a network file system.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import threading
from collections import defaultdict, deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, fields, replace
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, cast

from ..data import cache_dir
from ..records import verdict_from, verdict_row
from ..types import Calls, Sandbox, Status, Trial, Verdict

FILE = "verdicts-1.sqlite3"
"""Its number is raised when the table changes."""
NEVER_KEPT = (Status.TIMEOUT, Status.MEMORY, Status.INFRASTRUCTURE)
BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
BUSY_PATIENCE_S = 10.0
VOLATILE = ("workers", "peak_memory_bytes")
"""What a sandbox says of itself and no verdict depends on."""
TABLE = "CREATE TABLE IF NOT EXISTS verdicts (name BLOB PRIMARY KEY, verdict TEXT, digest BLOB) WITHOUT ROWID"


class VerdictStore:
    """Verdicts by name in an SQLite file; safe to use from several threads and processes.

    A file that cannot be used is told to `warn`, once, and nothing is kept from then on.
    """

    def __init__(self, path: Path, warn: Callable[[str], None]) -> None:
        self._path = path
        self._warn = warn
        self._lock = threading.Lock()
        self._database: sqlite3.Connection | None = None
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._database = sqlite3.connect(
                path, timeout=BUSY_PATIENCE_S, isolation_level=None, check_same_thread=False
            )
            self._database.execute("PRAGMA journal_mode=WAL")
            self._database.execute("PRAGMA synchronous=NORMAL")
            self._database.execute(TABLE)
        except (sqlite3.Error, OSError) as error:
            self._give_up(error)

    def get(self, name: bytes) -> Verdict | None:
        """The verdict kept under `name`."""
        rows = self._execute("SELECT verdict, digest FROM verdicts WHERE name = ?", name)
        if not rows or rows[0][1] != _digest(name, rows[0][0]):
            return None
        return verdict_from(json.loads(rows[0][0]))

    def put(self, name: bytes, verdict: Verdict) -> None:
        """Keep `verdict` under `name`."""
        text = json.dumps(verdict_row(verdict))
        self._execute("INSERT OR REPLACE INTO verdicts VALUES (?, ?, ?)", name, text, _digest(name, text))

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            if self._database is not None:
                self._database.close()
            self._database = None

    def _execute(self, statement: str, *values: Any) -> list[Any]:
        with self._lock:
            if self._database is None:
                return []
            try:
                return self._database.execute(statement, values).fetchall()
            except sqlite3.Error as error:
                if error.sqlite_errorcode not in BUSY:
                    self._give_up(error)
                return []

    def _give_up(self, error: Exception) -> None:
        if self._database is not None:
            self._database.close()
        self._database = None
        self._warn(f"the verdict cache {self._path} cannot be used ({error}); going on without it. It may be deleted")


class CachedSandbox:
    """A started sandbox that is asked only for verdicts which `store` does not have; `hits` counts the others.

    `inner` passes on a `Verdict` that comes among its trials.
    """

    def __init__(self, inner: Sandbox, store: VerdictStore) -> None:
        self.name = inner.name
        self.hits = 0
        self._inner = inner
        self._store = store
        self._place = place_of(inner)

    def run(self, trials: Iterable[Trial]) -> Iterator[Verdict]:
        """As `Sandbox.run`."""
        flow = _Flow(self._store, self._place, trials)
        verdicts = self._inner.run(cast(Iterator[Trial], flow.feed()))
        try:
            for verdict in verdicts:
                settled, known = flow.settle(verdict)
                self.hits += known
                yield from settled
        finally:
            flow.stop()
            if isinstance(verdicts, Generator):
                verdicts.close()


@contextmanager
def cached(sandbox: Sandbox, *, use: bool, warn: Callable[[str], None]) -> Iterator[Sandbox | CachedSandbox]:
    """`sandbox` behind the verdict cache, where `use` says so and it can be."""
    if not use or not getattr(sandbox, "passes_verdicts", False):
        yield sandbox
        return
    store = VerdictStore(cache_dir() / FILE, warn)
    try:
        yield CachedSandbox(sandbox, store)
    finally:
        store.close()


def place_of(sandbox: Sandbox) -> str:
    """What of a verdict's name is the sandbox's: all it says of itself, and the code of this folder."""
    facts = {key: value for key, value in sandbox.describe().items() if key not in VOLATILE}
    return json.dumps([facts, _code_digest()], sort_keys=True, default=repr)


def name_of(place: str, trial: Trial) -> bytes:
    """The name of a trial's verdict."""
    judge: Mapping[str, Any] = {
        # a key stands for inputs of any size
        field.name: getattr(trial.judge, field.name)
        for field in fields(trial.judge)
        if not (isinstance(trial.judge, Calls) and field.name == "parts")
    }
    facts = [place, trial.source, type(trial.judge).__name__, judge, trial.environment, trial.group]
    text = json.dumps([*facts, asdict(trial.limits)], sort_keys=True, default=repr)
    return hashlib.sha256(text.encode()).digest()


class _Flow:
    """Trials on their way into a sandbox, in its thread, and verdicts on their way out, in the reader's.

    Inside they bear serial numbers for indices, so that every verdict finds its trial again.
    """

    def __init__(self, store: VerdictStore, place: str, trials: Iterable[Trial]) -> None:
        self._store, self._place, self._trials = store, place, trials
        self._changed = threading.Condition()
        self._inside: dict[int, tuple[Trial, bytes | None, bool]] = {}
        """By serial number: the trial, the name its verdict is to be kept under, whether it was known."""
        self._serial = 0
        self._waiting: defaultdict[bytes, list[Trial]] = defaultdict(list)
        """Equals of a trial that is under way."""
        self._under_way: set[bytes] = set()
        self._again: deque[Trial] = deque()
        self._stopped = False

    def feed(self) -> Iterator[Trial | Verdict]:
        """What the sandbox is given: trials to run, and verdicts that are known."""
        for trial in self._trials:
            while (one := self._next_again(wait=False)) is not None:
                yield one
            if (item := self._admitted(trial)) is not None:
                yield item
        while (one := self._next_again(wait=True)) is not None:
            yield one

    def settle(self, verdict: Verdict) -> tuple[list[Verdict], int]:
        """The verdicts that `verdict` decides, its own first, and how many of them were not run."""
        trial, name, known = self._inside.pop(verdict.index)
        keep = name is not None and not {verdict.status, verdict.base_status} & set(NEVER_KEPT)
        if name is not None and keep:
            self._store.put(name, addressed(verdict, trial))
        with self._changed:
            equals = self._waiting.pop(name, []) if name is not None else []
            self._under_way.discard(name or b"")
            if not keep:
                self._again.extend(equals)
                equals = []
            self._changed.notify_all()
        return [addressed(verdict, one) for one in (trial, *equals)], known + len(equals)

    def stop(self) -> None:
        """No more verdicts are wanted."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    def _admitted(self, trial: Trial) -> Trial | Verdict | None:
        """The trial to run, its verdict where that is known, None while an equal one is under way."""
        name = name_of(self._place, trial)
        with self._changed:
            if name in self._under_way:
                self._waiting[name].append(trial)
                return None
        found = self._store.get(name)
        if found is not None:
            return replace(found, index=self._enter(trial, None, known=True))
        with self._changed:
            self._under_way.add(name)
        return replace(trial, index=self._enter(trial, name))

    def _next_again(self, *, wait: bool) -> Trial | None:
        """An equal of a trial whose verdict is not kept: it runs itself."""
        with self._changed:
            while wait and not self._again and self._waiting and not self._stopped:
                self._changed.wait()
            if not self._again or self._stopped:
                return None
            trial = self._again.popleft()
        return replace(trial, index=self._enter(trial, None))

    def _enter(self, trial: Trial, name: bytes | None, *, known: bool = False) -> int:
        self._serial += 1
        self._inside[self._serial] = trial, name, known
        return self._serial


def addressed(verdict: Verdict, trial: Trial) -> Verdict:
    """`verdict` as that of `trial`."""
    return replace(verdict, benchmark=trial.benchmark, task_id=trial.task_id, index=trial.index)


def _digest(name: bytes, text: str) -> bytes:
    """Of a row, which SQLite itself does not protect."""
    return hashlib.sha256(name + text.encode()).digest()[:16]


@cache
def _code_digest() -> str:
    folder = files(__package__)
    sources = [*folder.iterdir(), *(folder / "inside").iterdir()]
    texts = sorted((source.name, source.read_bytes()) for source in sources if source.name.endswith(".py"))
    return hashlib.sha256(repr(texts).encode()).hexdigest()
