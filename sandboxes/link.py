"""The host's end of a worker: a byte stream to it, and requests with answers over that stream."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable, Iterable, Mapping
from importlib.resources import files
from typing import Any, Protocol

from ..types import Trial
from .inside import frames

MODULES = (
    *("frames", "codec", "digests", "arrays", "tables", "programs", "calls", "oracle", "proxies"),
    *("facts", "filters", "landlock", "jail", "child", "running", "worker"),
)
START_PATIENCE_S = 60.0
ANSWER_PATIENCE_S = 15.0
"""Beyond the wall-time limit: killing, reaping and cleaning up."""
STORED_KEYS = 16
"""Problems whose inputs a worker keeps."""

# Reads one frame's worth of module sources and runs the worker; all that an image needs is Python.
BOOTSTRAP = """
import json, os, sys, types
def take(n):
    data = b""
    while len(data) < n:
        more = os.read(0, n - len(data))
        if not more:
            sys.exit(0)
        data += more
    return data
package = sys.modules["inside"] = types.ModuleType("inside")
package.__path__ = []
for name, source in json.loads(take(int.from_bytes(take(4), "big"))):
    module = types.ModuleType("inside." + name)
    sys.modules["inside." + name] = module
    module.__package__ = "inside"
    setattr(package, name, module)
    exec(compile(source, "inside/" + name + ".py", "exec", dont_inherit=True), module.__dict__)
sys.modules["inside.worker"].serve()
"""


class LinkLost(Exception):
    """The worker died, hung or broke the protocol: infrastructure, never a verdict."""


class Link(Protocol):
    """A byte stream to a worker process."""

    def send(self, data: bytes) -> None:
        """Write all of `data`. Raises LinkLost."""

    def receive(self, size: int, deadline: float) -> bytes:
        """Exactly `size` bytes before `deadline` (time.monotonic). Raises LinkLost."""

    def interrupt(self) -> None:
        """From another thread: whoever uses it gets LinkLost. `close` it then, once nobody does."""

    def close(self) -> str:
        """End the worker and everything in it; the last it wrote to standard error."""


class Worker:
    """A started worker behind a link: requests in, answers out, one at a time.

    Raises:
        LinkLost: it did not start, or stopped answering; close it and make another.
    """

    def __init__(self, link: Link, *, jail: Mapping[str, Any] | None, preload: tuple[str, ...]) -> None:
        self._link = link
        self._nonce = secrets.token_hex(8)
        self._count = 0
        self._stored: dict[str, set[str]] = {}
        self.uses = 0
        """Programs it has run."""
        self.memory_bytes = 0
        """The most its container has used; 0 where there is none."""
        link.send(_bootstrap_frame())
        hello = {
            "nonce": self._nonce,
            "jail": jail,
            "isolated": jail is None,
            "uids": jail is None,
            "scratch": "/tmp",  # noqa: S108 - inside the sandbox
            "preload": preload,
        }
        link.send(frames.pack(hello))
        self.facts, _ = self._answer(time.monotonic() + START_PATIENCE_S)

    def request(
        self, operation: str, fields: Mapping[str, Any], *, blob: bytes = b"", patience_s: float = ANSWER_PATIENCE_S
    ) -> tuple[dict[str, Any], bytes]:
        """The answer to one request: header and blob."""
        self._count += 1
        self._link.send(frames.pack({"id": self._count, "op": operation, **fields}, blob))
        answer, data = self._answer(time.monotonic() + patience_s)
        if answer.get("id") != self._count:
            raise LinkLost(f"answer to request {answer.get('id')}, expected {self._count}")
        return answer, data

    def store(self, key: str, kind: str, packed: Callable[[], tuple[str, Iterable[bytes]]]) -> None:
        """Have the worker keep values under `key` and `kind`, unless it does; the oldest keys make room.

        They come in one of `inside.worker.FORMS`, a chunk each.
        """
        kinds = self._stored.pop(key, set())
        self._stored[key] = kinds  # the newest now
        if kind in kinds:
            return
        drop = list(self._stored)[:-STORED_KEYS]
        for old in drop:
            del self._stored[old]
        kinds.add(kind)
        form, chunks = packed()
        blob = b"".join(map(frames.prefixed, chunks))
        self.request("store", {"key": key, "kind": kind, "drop": drop, "form": form}, blob=blob)

    def interrupt(self) -> None:
        """As `Link.interrupt`."""
        self._link.interrupt()

    def close(self) -> str:
        """End it; the last it wrote to standard error."""
        return self._link.close()

    def _answer(self, deadline: float) -> tuple[dict[str, Any], bytes]:
        try:
            n_header, n_blob = frames.lengths(self._link.receive(frames.PREFIX.size, deadline))
            answer: dict[str, Any] = frames.parse(self._link.receive(n_header, deadline))
            blob = self._link.receive(n_blob, deadline)
        except frames.FrameError as error:
            raise LinkLost(str(error)) from error
        if answer.get("nonce") != self._nonce:
            raise LinkLost("an answer without the worker's nonce")
        return answer, blob


def address_of(trial: Trial) -> dict[str, Any]:
    """The fields that tie a verdict to its sample."""
    return {"benchmark": trial.benchmark, "task_id": trial.task_id, "index": trial.index}


def _bootstrap_frame() -> bytes:
    folder = files(__package__) / "inside"
    sources = [(name, (folder / f"{name}.py").read_text(encoding="utf-8")) for name in MODULES]
    text = json.dumps(sources).encode("ascii")
    return len(text).to_bytes(4, "big") + text
