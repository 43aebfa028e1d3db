"""Outcomes that are known already, looked up before a sandbox is asked: equal work is done once.

Equal are the same program and judge under the same limits in the same sandbox: whatever it says of
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
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from ..data import get_cache_dir
from ..store.records import parse_outcome, serialize_outcome
from ..types import Judge, Key, Outcome, Program, Sandbox, Status, Work
from .judges import identity

FILE = "verdicts-2.sqlite3"
"""Its number is raised when the table or the meaning of its rows changes; files of before are left alone."""
NEVER_KEPT = (Status.TIMEOUT, Status.MEMORY, Status.INFRASTRUCTURE)
BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
BUSY_PATIENCE_S = 10.0
VOLATILE = ("workers", "peak_memory_bytes")
"""What a sandbox says of itself and no verdict depends on."""
TABLE = "CREATE TABLE IF NOT EXISTS verdicts (name BLOB PRIMARY KEY, verdict TEXT, digest BLOB) WITHOUT ROWID"


class OutcomeStore:
    """Outcomes by name in an SQLite file; safe to use from several threads and processes.

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

    def get(self, name: bytes) -> Outcome | None:
        """Return the outcome kept under `name`."""
        rows = self._execute("SELECT verdict, digest FROM verdicts WHERE name = ?", name)
        if not rows or rows[0][1] != _digest(name, rows[0][0]):
            return None
        return parse_outcome(json.loads(rows[0][0]))

    def put(self, name: bytes, outcome: Outcome) -> None:
        """Keep `outcome` under `name`."""
        text = json.dumps(serialize_outcome(outcome))
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


@contextmanager
def outcome_store(*, use: bool, warn: Callable[[str], None]) -> Iterator[OutcomeStore | None]:
    """Open the store in the cache folder, if `use` says so."""
    if not use:
        yield None
        return
    store = OutcomeStore(get_cache_dir() / FILE, warn)
    try:
        yield store
    finally:
        store.close()


def judge_all(
    sandbox: Sandbox, work: Iterable[Work | None], store: OutcomeStore | None, settle: Callable[[Key, Outcome], None]
) -> int:
    """Call `settle` with each key and its outcome, asking `sandbox` only for what `store` does not have.

    `settle` is called in this thread and in the one that reads `work`, never in both at once. A `work` that may have
    nothing for a while yields None after each outcome, so that equals of what could not be kept run meanwhile. Returns
    how many programs were not run.

    Raises:
        SandboxUnavailable: as `Sandbox.run`.
    """
    lock = threading.Lock()

    def settle_alone(key: Key, outcome: Outcome) -> None:
        with lock:
            settle(key, outcome)

    flow = _Flow(store, place_of(sandbox) if store else "", work, settle_alone)
    outcomes = sandbox.run(flow.feed())
    try:
        for key, outcome in outcomes:
            flow.finish(key, outcome)
    finally:
        flow.stop()
        if isinstance(outcomes, Generator):
            outcomes.close()
    return flow.hits


def place_of(sandbox: Sandbox) -> str:
    """Return what of an outcome's name is the sandbox's: all it says of itself, and the code of this folder."""
    facts = {key: value for key, value in sandbox.describe().items() if key not in VOLATILE}
    return json.dumps([facts, _code_digest()], sort_keys=True, default=repr)


def name_of(place: str, program: Program, judge: Judge) -> bytes:
    """Return the name of an outcome."""
    facts = [place, asdict(program), *identity(judge)]
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).digest()


class _Flow:
    """Work on its way into a sandbox, in its thread, and outcomes on their way out, in the reader's."""

    def __init__(
        self,
        store: OutcomeStore | None,
        place: str,
        work: Iterable[Work | None],
        settle: Callable[[Key, Outcome], None],
    ) -> None:
        self.hits = 0
        self._store, self._place, self._work, self._settle = store, place, work, settle
        self._changed = threading.Condition()
        self._names: dict[Key, bytes] = {}
        """Of what is inside and may be kept."""
        self._waiting: defaultdict[bytes, list[Work]] = defaultdict(list)
        """Equals of what is under way."""
        self._under_way: set[bytes] = set()
        self._again: deque[Work] = deque()
        self._stopped = False

    def feed(self) -> Iterator[Work]:
        """Yield what the sandbox has to run."""
        for item in self._work:
            yield from self._next_again(wait=False)
            if item is not None and self._is_new(item):
                yield item
        yield from self._next_again(wait=True)

    def finish(self, key: Key, outcome: Outcome) -> None:
        """Settle what ran, and its equals if it may be kept."""
        name = self._names.pop(key, None)
        keep = name is not None and not {outcome.status, outcome.base_status} & set(NEVER_KEPT)
        if self._store is not None and name is not None and keep:
            self._store.put(name, outcome)
        with self._changed:
            equals = self._waiting.pop(name, []) if name is not None else []
            self._under_way.discard(name or b"")
            if not keep:
                self._again.extend(equals)
                equals = []
            self._changed.notify_all()
        self._settle(key, outcome)
        for equal, _, _ in equals:
            self.hits += 1
            self._settle(equal, outcome)

    def stop(self) -> None:
        """End the threads: no more outcomes are wanted."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    def _is_new(self, item: Work) -> bool:
        """Tell whether the sandbox has to run it: it is not known, and nothing equal is under way."""
        key, program, judge = item
        if self._store is None or not identity(judge)[1]:
            return True
        name = name_of(self._place, program, judge)
        with self._changed:
            if name in self._under_way:
                self._waiting[name].append(item)
                return False
        known = self._store.get(name)
        if known is not None:
            self.hits += 1
            self._settle(key, known)
            return False
        with self._changed:
            self._under_way.add(name)
            self._names[key] = name
        return True

    def _next_again(self, *, wait: bool) -> Iterator[Work]:
        """Yield equals of what was not kept: each runs itself."""
        while True:
            with self._changed:
                while wait and not self._again and self._waiting and not self._stopped:
                    self._changed.wait()
                if not self._again or self._stopped:
                    return
                item = self._again.popleft()
            yield item


def _digest(name: bytes, text: str) -> bytes:
    """Return the digest of a row, which SQLite itself does not protect."""
    return hashlib.sha256(name + text.encode()).digest()[:16]


@cache
def _code_digest() -> str:
    folder = files(__package__)
    sources = [*folder.iterdir(), *(folder / "inside").iterdir(), *(folder / "judges").iterdir()]
    texts = sorted((source.name, source.read_bytes()) for source in sources if source.name.endswith(".py"))
    return hashlib.sha256(repr(texts).encode()).hexdigest()
