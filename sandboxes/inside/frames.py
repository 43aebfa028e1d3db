"""Length-prefixed frames between the host and a worker.

A frame is two big-endian 32-bit lengths, a JSON header, and a blob that the header describes. A header holds sizes,
limits and names alone, since a worker parses it into objects; what is secret is in the blob (see `regions`).
Both sides cap what they accept: a frame over the cap is a protocol error, never an allocation.
"""

import json
import os
import struct
from typing import Any, Dict, List, Optional, Tuple

from . import regions

Header = Dict[str, Any]

PREFIX = struct.Struct(">II")
CHUNK = struct.Struct(">I")
MAX_HEADER = 1 << 20
MAX_BLOB = 320 << 20


class FrameError(Exception):
    """The other side broke the protocol or hung up."""


def pack(header: Header, blob_size: int = 0) -> bytes:
    """Return the bytes of a frame up to its blob, which follows.

    Raises:
        FrameError: over the caps.
    """
    text = json.dumps(header).encode("ascii")
    if len(text) > MAX_HEADER or blob_size > MAX_BLOB:
        raise FrameError("frame of %d + %d bytes is over the cap" % (len(text), blob_size))
    return PREFIX.pack(len(text), blob_size) + text


def prefix_length(data: bytes) -> bytes:
    """Return a chunk that `chunks` finds again."""
    return CHUNK.pack(len(data)) + data


def chunks(data: bytes) -> List[bytes]:
    """Return the chunks of `data`.

    Raises:
        FrameError: bytes that are none.
    """
    found = []
    at = 0
    while at < len(data):
        start = at + CHUNK.size
        end = start + CHUNK.unpack(data[at:start])[0] if start <= len(data) else len(data) + 1
        if end > len(data):
            raise FrameError("a chunk that ends early")
        at = end
        found.append(data[start:at])
    return found


def lengths(prefix: bytes) -> Tuple[int, int]:
    """Return (header length, blob length) of a frame's first 8 bytes.

    Raises:
        FrameError: over the caps.
    """
    header, blob = PREFIX.unpack(prefix)
    if header > MAX_HEADER or blob > MAX_BLOB:
        raise FrameError("frame of %d + %d bytes is over the cap" % (header, blob))
    return header, blob


def parse(text: bytes) -> Header:
    """Return the header's object.

    Raises:
        FrameError: not a JSON object.
    """
    try:
        header = json.loads(text)
    except ValueError as error:
        raise FrameError("frame header is not JSON: %s" % error) from None
    if not isinstance(header, dict):
        raise FrameError("frame header is not an object")
    return header


def read(fd: int, region: "regions.Region") -> Optional[Header]:
    """Return the next header of a blocking descriptor, its blob appended to `region`; None at the end of input."""
    prefix = _read_exactly(fd, PREFIX.size)
    if prefix is None:
        return None
    n_header, n_blob = lengths(prefix)
    text = _read_exactly(fd, n_header)
    if text is None or n_blob > region.size - region.used or not region.read_exactly(fd, n_blob):
        raise FrameError("end of stream inside a frame, or a frame over the cap")
    return parse(text)


def write(fd: int, header: Header, blob: Optional[memoryview] = None) -> None:
    """Write one whole frame to a blocking descriptor, in one call if it is small: each wakes the reader."""
    views = [memoryview(pack(header, 0 if blob is None else len(blob))), *([] if blob is None else [blob])]
    while views:
        written = os.writev(fd, views)
        while views and written >= len(views[0]):
            written -= len(views.pop(0))
        if views:
            views[0] = views[0][written:]


def _read_exactly(fd: int, size: int) -> Optional[bytes]:
    parts: List[bytes] = []
    while size:
        chunk = os.read(fd, min(size, 1 << 20))
        if not chunk:
            if parts:
                raise FrameError("end of stream inside a frame")
            return None
        parts.append(chunk)
        size -= len(chunk)
    return b"".join(parts)
