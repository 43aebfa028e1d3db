"""Length-prefixed frames between the host and a worker.

A frame is two big-endian 32-bit lengths, a JSON header, and a blob that the header describes.
Both sides cap what they accept: a frame over the cap is a protocol error, never an allocation.
"""

import json
import os
import struct
from typing import Any, Dict, List, Optional, Tuple

Header = Dict[str, Any]

PREFIX = struct.Struct(">II")
CHUNK = struct.Struct(">I")
MAX_HEADER = 64 << 20
MAX_BLOB = 256 << 20


class FrameError(Exception):
    """The other side broke the protocol or hung up."""


def pack(header: Header, blob: bytes = b"") -> bytes:
    """The bytes of one frame."""
    text = json.dumps(header).encode("ascii")
    return PREFIX.pack(len(text), len(blob)) + text + blob


def prefixed(data: bytes) -> bytes:
    """A chunk that `chunks` finds again."""
    return CHUNK.pack(len(data)) + data


def chunks(data: bytes, complete: bool = True) -> List[bytes]:
    """The chunks of `data`; unless it is `complete`, the last may have been cut off and is left out.

    Raises:
        FrameError: bytes that are none.
    """
    found = []
    at = 0
    while at < len(data):
        start = at + CHUNK.size
        end = start + CHUNK.unpack(data[at:start])[0] if start <= len(data) else len(data) + 1
        if end > len(data):
            if complete:
                raise FrameError("a chunk that ends early")
            break
        at = end
        found.append(data[start:at])
    return found


def lengths(prefix: bytes) -> Tuple[int, int]:
    """(header length, blob length) of a frame's first 8 bytes.

    Raises:
        FrameError: over the caps.
    """
    header, blob = PREFIX.unpack(prefix)
    if header > MAX_HEADER or blob > MAX_BLOB:
        raise FrameError("frame of %d + %d bytes is over the cap" % (header, blob))
    return header, blob


def parse(text: bytes) -> Header:
    """The header's object.

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


def read(fd: int) -> Optional[Tuple[Header, bytes]]:
    """The next (header, blob) from a blocking descriptor, or None at its end."""
    prefix = _read_exact(fd, PREFIX.size)
    if prefix is None:
        return None
    n_header, n_blob = lengths(prefix)
    text = _read_exact(fd, n_header)
    blob = _read_exact(fd, n_blob)
    if text is None or blob is None:
        raise FrameError("end of stream inside a frame")
    return parse(text), blob


def write(fd: int, header: Header, blob: bytes = b"") -> None:
    """Write one whole frame to a blocking descriptor."""
    view = memoryview(pack(header, blob))
    while view:
        view = view[os.write(fd, view) :]


def _read_exact(fd: int, size: int) -> Optional[bytes]:
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
