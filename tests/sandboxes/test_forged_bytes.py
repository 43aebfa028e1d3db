"""Bytes of values that a program forged: a value comes out of them, or `Damaged`, and soon."""

from __future__ import annotations

import contextlib
import importlib
import time
import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.sandboxes.inside import codec

from .carried import BOUNDED, tables_of_every_kind, values

LONG_S = 2.0
"""CPU seconds: far more than any of these takes."""
TABLES = tables_of_every_kind()
for _library in ("scipy.sparse", "torch"):  # what a reader imports is not its time
    with contextlib.suppress(ImportError):
        importlib.import_module(_library)


def decode_forged(data: bytes) -> None:
    """Decode bytes, and expect a value, `Damaged` or a MemoryError, which alone are verdicts."""
    began = time.process_time()
    with contextlib.suppress(codec.Damaged, MemoryError), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # as where values are judged; here they would hide what comes behind them
        codec.decode(data)
    assert time.process_time() - began < LONG_S


def part(tag: bytes, name: str, *parts: Any) -> bytes:
    """Return the bytes that claim to be a value `name` made of `parts`."""
    return named(tag, name, parts)


def named(tag: bytes, name: str, parts: Any) -> bytes:
    """Return the bytes that claim to be a value `name` made of `parts`, which need be no tuple."""
    return tag + len(name).to_bytes(4, "big") + name.encode() + codec.encode(parts)


NAMES = [(b"x", name.decode()) for name in codec.STANDARD_TYPES] + [
    (b"y", name.decode()) for name in codec.FOREIGN_TYPES
]
FRAGMENTS = [*codec.READERS, *(part(tag, name) for tag, name in NAMES), b"\xff\xff\xff\xff", b"\x00\x00\x00\x00"]
any_value = st.one_of(values, st.sampled_from(TABLES))
encodings = any_value.map(codec.encode)


@BOUNDED
@given(encodings, st.data())
def test_damaged_bytes_are_damaged(valid: bytes, data: Any) -> None:
    """Whatever is written over the bytes of a value."""
    damaged = bytearray(valid)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, max(0, len(damaged) - 1)))
        piece = data.draw(st.one_of(st.binary(max_size=3), st.sampled_from(FRAGMENTS)))
        damaged[at : at + data.draw(st.integers(0, 4))] = piece
    decode_forged(bytes(damaged))


@BOUNDED
@given(encodings, encodings, st.data())
def test_spliced_bytes_are_damaged(valid: bytes, other: bytes, data: Any) -> None:
    """A piece of one value stands in place of a piece of another; such pieces often are whole values."""
    start, end = sorted(data.draw(st.tuples(st.integers(0, len(valid)), st.integers(0, len(valid)))))
    piece = data.draw(st.integers(0, len(other)))
    decode_forged(valid[:start] + other[piece : piece + data.draw(st.integers(0, 200))] + valid[end:])


def parts_of(value: Any) -> tuple[str, tuple[Any, ...]] | None:
    """Return the parts that make this value of another library."""
    return next((found for found in (parts(value) for parts in codec.FOREIGN_PARTS) if found is not None), None)


MADE_OF_PARTS = [found for found in map(parts_of, [*TABLES, np.ones(2), np.float32(1), np.str_("x")]) if found]
WRONG = [range(1 << 60), "O", "<U0", [], (), None, codec.Opaque("x"), 1 << 70, [range(1 << 60)], (range(1 << 60),)]


def forge_part(parts: Any, data: Any) -> Any:
    """Return `parts` with one of them, at whatever depth, replaced by something else."""
    if type(parts) not in (tuple, list) or not parts or data.draw(st.integers(0, 3)) == 0:
        return data.draw(st.one_of(st.sampled_from(WRONG), any_value, st.sampled_from(MADE_OF_PARTS)))
    at = data.draw(st.integers(0, len(parts) - 1))
    forged = list(parts)
    forged[at] = forge_part(forged[at], data)
    return type(parts)(forged)


@BOUNDED
@given(st.sampled_from(MADE_OF_PARTS), st.data())
def test_a_value_with_a_forged_part_is_damaged(made: tuple[str, tuple[Any, ...]], data: Any) -> None:
    """The maker of a value meets parts that almost are those it needs."""
    name, parts = made
    decode_forged(named(b"y", name, forge_part(parts, data)))


@BOUNDED
@given(st.sampled_from(NAMES), st.lists(st.one_of(any_value, st.sampled_from(WRONG)), max_size=4))
def test_parts_that_make_no_value_are_damaged(name: tuple[bytes, str], parts: list[Any]) -> None:
    """A maker is given whatever the bytes say."""
    decode_forged(part(*name, *parts))


FLAT = np.arange(3)
LONG = range(1 << 60)
"""Would take memory and time without end, were it written out."""
INDEX = TABLES[0].index
PLAIN = ("plain", FLAT)


@pytest.mark.parametrize(
    "data",
    [
        part(b"y", "estimator", "sklearn.none", "Nothing", {}),
        part(b"y", "estimator", "os", "system", {}),
        part(b"y", "tensor", "torch.nothing", (1,), False, b""),
        part(b"y", "tensor", "torch.int8", LONG, False, b"x"),
        part(b"y", "timestamp", np.datetime64(0, "s"), ("pytz", "Nowhere"), 0),
        part(b"y", "timestamp", np.datetime64(0, "s"), ("zone", "UTC"), 0),
        part(b"y", "timestamp", np.datetime64(0, "s"), LONG, 0),
        part(b"y", "timestamp", "2020", ("naive", None), 0),
        part(b"y", "duration", "1 day"),
        part(b"y", "zone", "../../etc/passwd"),
        part(b"y", "zone", "No/Where"),
        part(b"y", "scalar", "O", b"12345678"),
        part(b"y", "array", "<i4", (1 << 70,), b""),
        part(b"y", "array", "i4,i4", (1,), b"12345678"),
        part(b"y", "sparse", "csr_matrix", (2, 2), (np.ones(1), np.array([9]), np.array([0, 1, 1]))),
        part(b"y", "sparse", "coo_matrix", (2, 2), (LONG, LONG, LONG)),
        part(b"y", "sparse", "csr_matrix", (2, 2), (LONG, LONG, LONG)),
        part(b"y", "eager", LONG, "int64"),
        part(b"y", "variable", LONG),
        part(b"y", "frame", [PLAIN], INDEX, LONG),
        part(b"y", "frame", LONG, INDEX, INDEX),
        part(b"y", "frame", [LONG], INDEX, INDEX),
        part(b"y", "frame", [PLAIN], INDEX[:1], TABLES[0].index),
        part(b"y", "series", ("plain", LONG), INDEX, None),
        part(b"y", "series", ("plain", 5), INDEX, None),
        part(b"y", "series", ("none", FLAT), INDEX, None),
        part(b"y", "series", LONG, INDEX, None),
        part(b"y", "index", ("categories", LONG, INDEX, False), [None], None),
        part(b"y", "index", ("categories", FLAT, LONG, False), [None], None),
        part(b"y", "index", ("durations", LONG), [None], None),
        part(b"y", "index", ("times", FLAT, LONG), [None], None),
        part(b"y", "index", ("intervals", LONG, LONG, "left"), [None], None),
        part(b"y", "multi index", [LONG], [FLAT], [None]),
        part(b"y", "multi index", [INDEX], [LONG], [None]),
        part(b"y", "multi index", [INDEX], [FLAT], LONG),
        part(b"x", "Fraction", "1e999999999", 1),
        part(b"x", "Fraction", 1, 0),
        part(b"x", "deque", [1], "x"),
        part(b"x", "deque", LONG, 3),
        part(b"x", "datetime", 2020, 1, 1, 0, 0, 0, 0, "UTC", 0),
        part(b"x", "slice"),
        b"y\x00\x00\x00\x06sparset\x00\x00\x00\x00",
        b"d\x00\x00\x00\x01N",
        b"l\xff\xff\xff\xff",
        b"l\x00\x00\x00\x01" * 300 + b"N",
        b"i\x00",
        b"s\x00\x00\x00\x01\xff",
        b"NN",
        b"",
        b"?",
    ],
)
def test_bytes_that_encode_never_writes_are_damaged(data: bytes) -> None:
    """Each is one way of being no value: the library is missing, the parts do not fit, the bytes end early."""
    with pytest.raises(codec.Damaged):
        codec.decode(data)


@pytest.mark.parametrize("error", [AttributeError, AssertionError, ImportError, StopIteration, Exception])
def test_whatever_a_reader_raises_is_damaged(error: type[Exception], monkeypatch: pytest.MonkeyPatch) -> None:
    """But for a lack of memory, which is no fault of the bytes alone."""

    def take(*_: Any) -> Any:
        raise error("!")

    monkeypatch.setitem(codec.READERS, b"!", take)
    for data in (b"!", b"l\x00\x00\x00\x01!"):
        with pytest.raises(codec.Damaged):
            codec.decode(data)
    error = MemoryError
    with pytest.raises(MemoryError):
        codec.decode(b"!")
