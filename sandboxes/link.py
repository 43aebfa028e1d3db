"""The host's end of a worker: a byte stream to it, and requests with answers over that stream."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import StrEnum
from importlib.resources import files
from typing import Any, Protocol

from .inside import frames

MODULES = (
    *("regions", "frames", "wire", "codec", "sets", "standard", "digests", "precision", "arrays", "columns", "tables"),
    *("records", "programs", "calls", "oracle", "proxies", "streams"),
    *(
        "facts",
        "filters",
        "landlock",
        "scratch",
        "execution",
        "jail",
        "child",
        "hosts",
        "endings",
        "clocks",
        "running",
        "compilers",
        "worker",
    ),
)
START_PATIENCE_S = 60.0
ANSWER_PATIENCE_S = 15.0
"""Beyond the wall-time limit: killing, reaping and cleaning up."""
STORED_KEYS = 16
"""Problems whose expected values a worker keeps."""
PIECE_BYTES = 1 << 20

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


class Role(StrEnum):
    """Purpose of a worker. Each serves one role alone, so that no candidate is ever forked where secrets have been."""

    CANDIDATE = "candidate"
    """Runs split candidates; holds nothing."""
    REFERENCE = "reference"
    """Runs reference solutions as candidates are run."""
    JUDGE = "judge"
    """Holds tests and expected values, and never runs a candidate."""
    IN_PROCESS = "in-process"
    """Runs candidates together with their tests."""
    COMPILER = "compiler"
    """Compiles candidates, and never runs one."""

    @property
    def has_network(self) -> bool:
        """Tell whether programs may use a loopback network, in which one could leave a word for the next."""
        return self in (Role.REFERENCE, Role.IN_PROCESS)


class LinkLost(Exception):
    """The worker died, hung or broke the protocol: infrastructure, never a verdict."""


class Link(Protocol):
    """A byte stream to a worker process."""

    def send(self, data: bytes) -> None:
        """Write all of `data`. Raises LinkLost."""

    def receive(self, size: int, deadline: float) -> bytes:
        """Return exactly `size` bytes before `deadline` (time.monotonic). Raises LinkLost."""

    def interrupt(self) -> None:
        """Break it off from another thread: its user gets LinkLost. `close` it after that, when nobody uses it."""

    def close(self) -> str:
        """End the worker and everything in it; the last it wrote to standard error."""


class Reply:
    """A worker's answer. Its blob stays on the link until it is read, carried on, or the next request drops it."""

    def __init__(self, link: Link, header: dict[str, Any], size: int, deadline: float) -> None:
        self.header = header
        self.size = size
        self._link = link
        self._deadline = deadline

    def __getitem__(self, name: str) -> Any:
        return self.header[name]

    def pieces(self) -> Iterator[bytes]:
        """Yield what is left of the blob, a bounded piece at a time."""
        while self.size:
            piece = self._link.receive(min(self.size, PIECE_BYTES), self._deadline)
            self.size -= len(piece)
            yield piece

    def read(self) -> bytes:
        """Return what is left of the blob."""
        return b"".join(self.pieces())

    def drop(self) -> None:
        """Forget what is left of the blob."""
        for _ in self.pieces():
            pass


class Worker:
    """A started worker behind a link: requests in, answers out, one at a time.

    Raises:
        LinkLost: it did not start, or stopped answering; close it and make another.
    """

    def __init__(
        self, link: Link, role: Role, *, jail: Mapping[str, Any] | None, preload: tuple[str, ...], execute: bool = False
    ) -> None:
        self.role = role
        self._link = link
        self._nonce = secrets.token_hex(8)
        self._count = 0
        self._stored: dict[str, set[str]] = {}
        self._reply: Reply | None = None
        self._deadline = 0.0
        self.uses = 0
        self.memory_bytes = 0
        """The most that its container has used so far; 0 without one."""
        link.send(_bootstrap_frame())
        hello = {
            "nonce": self._nonce,
            "jail": jail,
            "network": role.has_network,
            "judges": role is Role.JUDGE,
            "isolated": jail is None,
            "uids": jail is None,
            "scratch": "/tmp",  # noqa: S108 - inside the sandbox
            "preload": preload,
            "execute": execute,
        }
        link.send(frames.pack(hello))
        self._deadline = time.monotonic() + START_PATIENCE_S
        self.facts = self._answer().header

    def request(
        self,
        operation: str,
        fields: Mapping[str, Any],
        *,
        blobs: Sequence[bytes] = (),
        carry: Reply | None = None,
        patience_s: float = ANSWER_PATIENCE_S,
    ) -> Reply:
        """Return the answer to one request; what is sent is `blobs`, then what another worker replied (`carry`)."""
        self.begin(operation, fields, blobs=blobs, carry=carry, patience_s=patience_s)
        return self.next()

    def begin(
        self,
        operation: str,
        fields: Mapping[str, Any],
        *,
        blobs: Sequence[bytes] = (),
        carry: Reply | None = None,
        patience_s: float = ANSWER_PATIENCE_S,
    ) -> None:
        """Send a request; `next` has what comes of it."""
        if self._reply is not None:
            self._reply.drop()
        self._count += 1
        size = sum(map(len, blobs)) + (carry.size if carry else 0)
        try:
            head = frames.pack({"id": self._count, "op": operation, **fields}, size)
        except frames.FrameError as error:
            raise LinkLost(str(error)) from error
        self._deadline = time.monotonic() + patience_s
        # one write for what is small: a packet each costs more than a copy
        small = size - (carry.size if carry else 0) <= PIECE_BYTES
        for data in [b"".join((head, *blobs))] if small else [head, *blobs]:
            self._link.send(data)
        for piece in carry.pieces() if carry else ():
            self._link.send(piece)

    def next(self) -> Reply:
        """Return the answer to the request under way, or a value that its program told before (`is_value`)."""
        reply = self._reply = self._answer()
        if reply.header.get("id") != self._count:
            raise LinkLost(f"answer to request {reply.header.get('id')}, expected {self._count}")
        return reply

    def hand(self, data: bytes) -> None:
        """Hand a chunk to the program under way; an empty one says that nothing more will come."""
        chunk = frames.prefix_length(data) if data else b""
        self._link.send(frames.pack({"op": "hand"}, len(chunk)) + chunk)

    def store(self, key: str, kind: str, packed: Callable[[], tuple[str, list[bytes]]]) -> None:
        """Have the worker keep values under `key` and `kind`, unless it does; the oldest keys make room.

        `packed` makes them: one of `inside.worker.FORMS`, and their bytes.
        """
        kinds = self._stored.pop(key, set())
        self._stored[key] = kinds  # the newest now
        if kind in kinds:
            return
        drop = list(self._stored)[:-STORED_KEYS]
        for old in drop:
            del self._stored[old]
        kinds.add(kind)
        form, blobs = packed()
        self.request("store", {"key": key, "kind": kind, "drop": drop, "form": form}, blobs=blobs)

    def interrupt(self) -> None:
        """Implement `Link.interrupt`."""
        self._link.interrupt()

    def close(self) -> str:
        """End it; the last it wrote to standard error."""
        return self._link.close()

    def _answer(self) -> Reply:
        try:
            n_header, n_blob = frames.lengths(self._link.receive(frames.PREFIX.size, self._deadline))
            header = frames.parse(self._link.receive(n_header, self._deadline))
        except frames.FrameError as error:
            raise LinkLost(str(error)) from error
        if header.get("nonce") != self._nonce:
            raise LinkLost("an answer without the worker's nonce")
        return Reply(self._link, header, n_blob, self._deadline)


def is_value(reply: Reply) -> bool:
    """Tell whether a reply is a value that a program told in a dialogue, not the end of the request."""
    return bool(reply.header.get("value"))


def _bootstrap_frame() -> bytes:
    folder = files(__package__) / "inside"
    sources = [(name, (folder / f"{name}.py").read_text(encoding="utf-8")) for name in MODULES]
    text = json.dumps(sources).encode("ascii")
    return len(text).to_bytes(4, "big") + text
