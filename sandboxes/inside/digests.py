"""Large values by their digests: they stay where they are, and 33 bytes cross the boundary instead."""

import hashlib
import marshal
from typing import Any, List

from . import codec, sets, standard  # noqa: F401 - they register the types that they carry

LARGE_BYTES = 2048
"""From here on a value is told by its digest."""
HUGE_BYTES = 1 << 20
"""From here on the digest is made by `marshal`."""
SLICE = 64
"""Items of a huge list that are digested at a time."""
DIGEST_BYTES = 32


class Digest:
    """Stands for a large value that stayed where it was: equal to another means equal to the byte.

    Unequal ones may still stand for equal values (1 and 1.0): then the value itself has to be asked for.
    """

    __slots__ = ("digest",)
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, digest: bytes) -> None:
        self.digest = digest

    def __eq__(self, other: object) -> bool:
        return type(other) is Digest and self.digest == other.digest


def encode_or_digest(value: Any) -> bytes:
    """Return the bytes of `value`, or of the `Digest` that stands for it where they are many.

    A value with a part that cannot be carried has no digest, since it equals nothing: not even one of equal bytes.
    A huge value (EvalPlus has some of 100 million items) is digested in the words of `marshal`, which is
    written in C and here never read back; its version 0 knows no references, so equal values are equal bytes.

    Raises:
        TooLarge: as `encode`.
    """
    opaque: List[str] = []
    try:
        data = codec.encode(value, HUGE_BYTES, opaque)
    except codec.TooLarge:
        return _encode_or_digest_huge(value)
    return data if opaque else shorten(data)


def shorten(data: bytes) -> bytes:
    """Return the bytes of an encoded value, or of its `Digest`."""
    return data if len(data) <= LARGE_BYTES else b"h" + hashlib.sha256(data).digest()


def _encode_or_digest_huge(value: Any) -> bytes:
    """Encode a list or tuple slice by slice: its bytes together may be more than the memory there is."""
    digest = hashlib.sha256()
    try:
        if type(value) in (list, tuple):
            digest.update(b"%s %d " % (type(value).__name__.encode(), len(value)))
            for start in range(0, len(value), SLICE):
                digest.update(marshal.dumps(value[start : start + SLICE], 0))
        else:
            digest.update(marshal.dumps(value, 0))
    except ValueError:  # a type that marshal does not write
        opaque: List[str] = []
        data = codec.encode(value, opaque=opaque)
        return data if opaque else shorten(data)
    return b"h" + digest.digest()


codec.READERS[b"h"] = lambda reader, depth: Digest(reader.take(DIGEST_BYTES))
