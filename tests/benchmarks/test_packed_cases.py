"""Packed test cases are read without running a pickle, whatever they hold."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import pickle
import pickletools
import zlib
from typing import Any

import pytest
from hypothesis import given, strategies

from harness.benchmarks import packed_cases
from harness.benchmarks.packed_cases import read_cases, read_pickled_string

CASES = [
    {"input": "1 2\n", "output": "3\n", "testtype": "stdin"},
    {"input": "é😀", "output": "", "testtype": "stdin"},
]


def pack(pickled: bytes) -> str:
    return base64.b64encode(zlib.compress(pickled)).decode()


class Command:
    """Unpickled, it would end the tests."""

    def __reduce__(self) -> Any:
        return os._exit, (99,)


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_cases_are_read_in_every_form(protocol: int) -> None:
    text = json.dumps(CASES)

    assert read_cases(text) == CASES
    assert read_cases(pack(pickle.dumps(text, protocol=protocol))) == CASES


@pytest.mark.parametrize("length", [0, 1, 255, 256, 70_000])
def test_strings_of_every_length_are_read(length: int) -> None:
    for protocol in (2, 4):
        assert read_pickled_string(pickle.dumps("é" * length, protocol=protocol)) == "é" * length


@pytest.mark.parametrize(
    "value",
    [Command(), [Command()], ["text"], {"a": 1}, 7, None, b"bytes", ("a", "b"), os.system, int],
    ids=lambda value: type(value).__name__,
)
def test_a_pickle_of_anything_else_is_refused(value: Any) -> None:
    for protocol in (0, 2, 4, 5):
        with pytest.raises(ValueError, match="pickle"):
            read_cases(pack(pickle.dumps(value, protocol=protocol)))


def test_no_opcode_but_those_of_a_string_is_known() -> None:
    known = {*packed_cases.STRINGS, *packed_cases.SKIPPED, packed_cases.STOP}

    names = {opcode.name for opcode in pickletools.opcodes if opcode.code.encode("latin-1") in known}

    assert names == {
        *("PROTO", "FRAME", "STOP", "MEMOIZE", "BINPUT"),
        *("SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8"),
    }


def test_what_unpacks_to_too_much_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packed_cases, "MAX_BYTES", 1 << 20)
    bomb = pack(pickle.dumps(json.dumps([{"input": "0" * (2 << 20), "output": "", "testtype": "stdin"}])))

    with pytest.raises(ValueError, match="more than 1 MiB"):
        read_cases(bomb)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "end early"),
        ("not base64!", "cannot be unpacked"),
        (base64.b64encode(b"not compressed").decode(), "cannot be unpacked"),
        (base64.b64encode(zlib.compress(pickle.dumps("[]"))[:-5]).decode(), "end early"),
        (pack(b"X\xff\xff\xff\xff"), "no single string"),
        (pack(pickle.dumps("[]") + b"."), "no single string"),
        (pack(pickle.dumps("{}")), "no list"),
        ('[{"input": "1"}]', "no list"),
        ("[" * 100_000, "cannot be unpacked"),
    ],
    ids=["empty", "no base64", "no zlib", "cut", "length", "two ends", "no list", "no output", "deep"],
)
def test_damaged_cases_are_one_kind_of_error(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        read_cases(text)


@given(strategies.binary(max_size=60))
def test_any_bytes_are_a_string_or_an_error(data: bytes) -> None:
    with contextlib.suppress(ValueError):
        assert isinstance(read_pickled_string(data), str)
