"""Private test cases of LiveCodeBench: a list in JSON, or that text pickled, compressed and in base64.

A pickle is a program, so `pickle` never sees one: the few opcodes that make one string are read here, and any other
is refused. What is unpacked has a bound.
"""

from __future__ import annotations

import base64
import binascii
import json
import struct
import zlib
from typing import Any

MAX_BYTES = 512 << 20
"""Of unpacked cases; the largest that are published stay far below."""

PROTO, FRAME, STOP, MEMOIZE, BINPUT = b"\x80", b"\x95", b".", b"\x94", b"q"
STRINGS = {b"\x8c": "<B", b"X": "<I", b"\x8d": "<Q"}
"""SHORT_BINUNICODE, BINUNICODE and BINUNICODE8, with the form of the length that follows."""
SKIPPED = {PROTO: 1, FRAME: 8, MEMOIZE: 0, BINPUT: 1}
"""Opcodes that change no value, with the bytes that follow them."""


def read_cases(text: str) -> list[dict[str, Any]]:
    """Return the cases that `text` holds, each with `input`, `output` and `testtype`.

    Raises:
        ValueError: it is not in this form, or unpacks to more than `MAX_BYTES`.
    """
    try:
        if not text.lstrip().startswith("["):
            text = read_pickled_string(_decompress(base64.b64decode(text, validate=True)))
        cases = json.loads(text)
    except (binascii.Error, zlib.error, RecursionError) as error:
        raise ValueError(f"test cases cannot be unpacked: {error}") from error
    fields = ("input", "output", "testtype")
    if not isinstance(cases, list) or not all(
        isinstance(case, dict) and all(isinstance(case.get(field), str) for field in fields) for case in cases
    ):
        raise ValueError("test cases are no list of input, output and testtype")
    return cases


def read_pickled_string(data: bytes) -> str:
    """Return the string that the pickle `data` holds.

    Raises:
        ValueError: it holds anything else.
    """
    strings: list[str] = []
    at = 0
    while at < len(data):
        opcode, at = data[at : at + 1], at + 1
        if opcode == STOP:
            if at != len(data) or len(strings) != 1:
                break
            return strings[0]
        if opcode in STRINGS:
            form = STRINGS[opcode]
            at += struct.calcsize(form)
            (length,) = struct.unpack(form, data[at - struct.calcsize(form) : at].ljust(struct.calcsize(form), b"\0"))
            if length > len(data) - at:
                break
            strings.append(data[at : at + length].decode("utf-8", "surrogatepass"))
            at += length
        elif opcode in SKIPPED:
            at += SKIPPED[opcode]
        else:
            raise ValueError(f"the pickle of test cases is no string: opcode {opcode!r} at byte {at - 1}")
    raise ValueError("the pickle of test cases is no single string")


def _decompress(data: bytes) -> bytes:
    """Raises: ValueError: it is larger than `MAX_BYTES`, or ends early."""
    machine = zlib.decompressobj()
    unpacked = machine.decompress(data, MAX_BYTES)
    if machine.unconsumed_tail:
        raise ValueError(f"test cases unpack to more than {MAX_BYTES >> 20} MiB")
    if not machine.eof:
        raise ValueError("compressed test cases end early")
    return unpacked
