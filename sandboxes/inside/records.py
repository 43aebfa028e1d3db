"""Records that a child writes for its worker: a start mark, then records, each a kind, a length and so many bytes.

A split candidate's records are values and how its process ended, never a word about whether they are right. They come
in this order: READY once a program whose calls are timed has run, VALUE of each call, REVEALED values that were asked
for in full, TIMES of a reference, and one END. A process that holds tests writes one VERDICT instead, with a token that
it was given.

The worker reads kinds and lengths alone (`Counter`); whoever judges reads the rest (`parse`).
"""

import hashlib
import os
import struct
import time
from typing import Any, Dict, List, Optional, Tuple

from . import codec

STARTED = b"S"
READY, VALUE, REVEALED, TIMES, END, VERDICT = b"G", b"V", b"R", b"T", b"E", b"J"
ORDER = {READY: 0, VALUE: 1, REVEALED: 2, TIMES: 3, END: 4, VERDICT: 4}
HEAD = struct.Struct(">cI")
MAX_WORD = 1 << 16
"""Bytes of an END or a VERDICT."""
FLUSH_S = 0.002
"""Seconds after which values that are waiting to be written are."""
DONE = "done"
DONE_BYTES = codec.encode((DONE, ""))


class Broken(Exception):
    """Records that no child of ours writes."""


class OverCap(Exception):
    """More bytes than are taken."""


class Writer:
    """The child's end. Values wait for `FLUSH_S`, unless they are asked for one by one."""

    def __init__(self, fd: int, patient: bool) -> None:
        self._fd = fd
        self._pid = os.getpid()
        self._waiting = bytearray()
        self._patient = patient
        self._flushed_at = 0.0

    def value(self, data: bytes) -> None:
        """Report one value."""
        self._waiting += HEAD.pack(VALUE, len(data))
        self._waiting += data
        if not self._patient or time.perf_counter() - self._flushed_at > FLUSH_S:
            self.flush()

    def put(self, kind: bytes, data: bytes) -> None:
        """Report something else, at once."""
        self._waiting += HEAD.pack(kind, len(data))
        self._waiting += data
        self.flush()

    def flush(self) -> None:
        """Write what is waiting. A fork that the program made has nothing to report and ends here."""
        if os.getpid() != self._pid:
            os._exit(0)
        view = memoryview(bytes(self._waiting))
        self._waiting.clear()
        while view:
            view = view[os.write(self._fd, view) :]
        self._flushed_at = time.perf_counter()


class Counter:
    """The worker's end: how far the records in a growing buffer are well formed.

    `most` is how many values there may be, `cap` how many bytes in all; TIMES count only if `timed`.
    """

    def __init__(self, view: memoryview, most: int, cap: int, timed: bool) -> None:
        self._view, self._most, self._cap, self._timed = view, most, cap, timed
        self.started = self.ready = False
        self.values = 0
        self.at = 0
        """Where the next record begins."""
        self._values_start = self._values_end = 1
        self.end: Optional[Tuple[bytes, int, int]] = None
        """Kind, start and end of the last record's data, once it is there."""
        self._stage = 0

    def feed(self, used: int) -> List[Tuple[int, int]]:
        """Read on to `used` bytes; where the data of each new value begins and ends.

        Raises:
            Broken: a record out of order, of unknown kind, or too many of them.
            OverCap: a record that ends beyond the cap.
        """
        found: List[Tuple[int, int]] = []
        if not self.started and used:
            if self._view[0] != STARTED[0]:
                raise Broken("no start mark")
            self.started, self.at = True, 1
        while True:
            self._pass_values(used, found)
            if used - self.at < HEAD.size:
                break
            kind, size = HEAD.unpack_from(self._view, self.at)
            self._check(kind, size)
            start = self.at + HEAD.size
            if start + size > used:
                return found
            self.at = start + size
            if kind == READY:
                self.ready = True
                self._values_start = self._values_end = self.at
            elif kind == VALUE:
                self.values += 1
                self._values_end = self.at
                found.append((start, self.at))
            elif kind in (END, VERDICT):
                self.end = kind, start, self.at
        if self.end is not None and used > self.at:
            raise Broken("something after the end")
        return found

    def _pass_values(self, used: int, found: List[Tuple[int, int]]) -> None:
        """Pass over whole values as `feed` does: a program may report thousands."""
        if not self.started or self._stage > ORDER[VALUE]:
            return
        unpack, view, at, room = HEAD.unpack_from, self._view, self.at, self._most - self.values
        last = min(used, self._cap) - HEAD.size
        while at <= last and room:
            kind, size = unpack(view, at)
            end = at + HEAD.size + size
            if kind != VALUE or end > used or end > self._cap:
                break
            found.append((at + HEAD.size, end))
            at = end
            room -= 1
        if at != self.at:
            self.at = self._values_end = at
            self._stage = ORDER[VALUE]
            self.values = self._most - room

    def digest(self) -> str:
        """Return the SHA-256 of all values."""
        return hashlib.sha256(self._view[self._values_start : self._values_end]).hexdigest()

    def _check(self, kind: bytes, size: int) -> None:
        if kind not in ORDER or ORDER[kind] < self._stage or self.end is not None:
            raise Broken("a record out of order")
        self._stage = ORDER[kind]
        if kind == READY and (self.ready or size):
            raise Broken("a second ready mark")
        if kind == VALUE and self.values >= self._most:
            raise Broken("more than %d values" % self._most)
        if (kind in (END, VERDICT) and size > MAX_WORD) or (kind == TIMES and not self._timed):
            raise Broken("a record that was not asked for")
        if self.at + size > self._cap:
            raise OverCap


class Report:
    """A split candidate's records, as whoever judges reads them."""

    def __init__(self) -> None:
        self.values: List[bytes] = []
        self.revealed: Dict[int, bytes] = {}
        self.times: List[Tuple[float, float]] = []
        """CPU seconds of each call: its own, and those of carrying its arguments and value."""
        self.end: Optional[Tuple[str, str]] = None
        """How it ended, and a word on it; None if its process ended before it could say."""


def parse(data: bytes) -> Report:
    """Return the records that a worker passed on.

    Raises:
        codec.Damaged: the contents are not what `Writer` is given.
    """
    report = Report()
    at = 0
    while len(data) - at >= HEAD.size:
        kind, size = HEAD.unpack_from(data, at)
        at += HEAD.size
        payload = data[at : at + size]
        if len(payload) < size:  # the process ended within it
            break
        at += size
        if kind == VALUE:
            report.values.append(payload)
        elif kind == REVEALED:
            report.revealed[_index(payload)] = payload[4:]
        elif kind == TIMES:
            report.times = list(codec.decode(payload))
        elif kind == END:
            report.end = parse_end(codec.decode(payload))
    return report


def texts(data: bytes) -> Optional[List[str]]:
    """Return the texts of an encoded tuple of texts, without decoding anything else; None where it is none."""
    if data[:1] != b"t":
        return None
    found: List[str] = []
    at = 5
    while at < len(data):
        start = at + 5
        end = start + int.from_bytes(data[at + 1 : start], "big")
        if data[at : at + 1] != b"s" or end > len(data):
            return None
        found.append(data[start:end].decode("utf-8", "replace"))
        at = end
    return found


def pack_revealed(index: int, data: bytes) -> bytes:
    """Return the contents of a REVEALED record."""
    return index.to_bytes(4, "big") + data


def _index(payload: bytes) -> int:
    if len(payload) < 4:
        raise codec.Damaged("a revealed value without its number")
    return int.from_bytes(payload[:4], "big")


def parse_end(end: Any) -> Tuple[str, str]:
    """Return the contents of an END, decoded.

    Raises:
        codec.Damaged: they are not what `Writer` is given.
    """
    if type(end) is not tuple or [type(field) for field in end] != [str, str]:
        raise codec.Damaged("not an end")
    return end
