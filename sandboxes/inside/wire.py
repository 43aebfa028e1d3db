"""Bytes of carried values: what `codec` writes into and reads from, and what it says of values it cannot carry."""

import struct
from typing import List

MAX_BYTES = 256 << 20
"""Size limit of one value."""
MAX_NAME = 200
"""Characters of the name of a value that cannot be carried."""
LENGTH = struct.Struct(">I")


class TooLarge(Exception):
    """A value is over the size cap."""


class Damaged(ValueError):
    """Bytes that `encode` never writes."""


class Opaque:
    """Stand for a value that cannot be carried; equal nothing, itself included."""

    __slots__ = ("kind",)
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def __eq__(self, other: object) -> bool:
        return False

    def __repr__(self) -> str:
        return "<%s, which cannot be carried>" % self.kind


class Writer:
    """Collect the bytes of a value up to a cap."""

    __slots__ = ("arguments", "chunks", "left", "opaque")

    def __init__(self, cap: int, opaque: List[str], arguments: bool) -> None:
        self.chunks: List[bytes] = []
        self.left = cap
        self.opaque = opaque
        self.arguments = arguments

    def put(self, data: bytes) -> None:
        """Write `data`. Raises TooLarge."""
        self.left -= len(data)
        if self.left < 0:
            raise TooLarge("a value of more than the cap of bytes")
        self.chunks.append(data)

    def write_sized(self, tag: bytes, data: bytes) -> None:
        """Write `data` behind its tag and length. Raises TooLarge."""
        self.put(tag + LENGTH.pack(len(data)))
        self.put(data)


class Reader:
    """Hand out the bytes of a value piece by piece."""

    __slots__ = ("at", "data", "opaque")

    def __init__(self, data: bytes, opaque: List[str]) -> None:
        self.data = data
        self.at = 0
        self.opaque = opaque

    def take(self, size: int) -> bytes:
        """Return the next `size` bytes. Raises Damaged."""
        start, self.at = self.at, self.at + size
        if self.at > len(self.data):
            raise Damaged("the value ends early")
        return self.data[start : self.at]

    def read_sized(self) -> bytes:
        """Return as many bytes as the length before them says. Raises Damaged."""
        return self.take(self.length())

    def length(self) -> int:
        """Return the number that the next four bytes are. Raises Damaged."""
        size: int = LENGTH.unpack(self.take(4))[0]
        return size

    def make_opaque(self, kind: str) -> Opaque:
        """Return and name what could not be carried."""
        self.opaque.append(kind[:MAX_NAME])
        return Opaque(kind[:MAX_NAME])
