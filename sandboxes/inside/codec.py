"""Values across the boundary: exact types, lossless, no pickle and no eval.

`encode` writes what a candidate returned, `decode` reads it where the expected values are. Only exact
built-in types, an allow-list of standard-library types and plain numpy data are carried: an object of any
other class (a subclass of int with its own `__eq__`, say) is `Opaque` and equals nothing. Depth and size
are capped on both sides; decoding calls nothing that the bytes can choose beyond the lists in this file.
"""

import collections
import datetime
import decimal
import fractions
import itertools
import struct
from typing import Any, Callable, Dict, List, Optional, Tuple

VERSION = 3
MAX_DEPTH = 200
MAX_BYTES = 256 << 20
"""Of one value."""
MAX_ITERATED = 10000
"""Items of an iterator, which are taken out of it to carry it."""
_LENGTH = struct.Struct(">I")
_FLOAT = struct.Struct(">d")
_COMPLEX = struct.Struct(">dd")
_SMALL = struct.Struct(">q")
SINGLES = {None: b"N", True: b"T", False: b"F", Ellipsis: b"E", NotImplemented: b"X"}


class TooLarge(Exception):
    """A value is over the size cap."""


class Damaged(ValueError):
    """Bytes that `encode` never writes."""


class Opaque:
    """Stands for a value that cannot be carried; equals nothing, itself included."""

    __slots__ = ("kind",)
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def __eq__(self, other: object) -> bool:
        return False

    def __repr__(self) -> str:
        return "<%s, which cannot be carried>" % self.kind


def encode(value: Any, cap: int = MAX_BYTES, opaque: Optional[List[str]] = None) -> bytes:
    """The bytes of `value`; what cannot be carried becomes `Opaque` where it stands, and is named in `opaque`.

    Raises:
        TooLarge: over `cap` bytes.
    """
    out = _Writer(cap, opaque)
    _put(value, out, 0)
    return b"".join(out.chunks)


def decode(data: bytes, opaque: Optional[List[str]] = None) -> Any:
    """The value that `encode` wrote; what could not be carried is named in `opaque`.

    Raises:
        Damaged: anything else, trailing bytes included.
    """
    reader = _Reader(data, opaque)
    try:
        value = _take(reader, 0)
    except (struct.error, LookupError, ValueError, OverflowError, TypeError, ArithmeticError) as error:
        raise Damaged("not a carried value: %s" % error) from None
    if reader.at != len(data):
        raise Damaged("%d bytes after the value" % (len(data) - reader.at))
    return value


def join(tag: bytes, items: List[bytes]) -> bytes:
    """A list (`b"l"`) or tuple (`b"t"`) of values that are encoded already."""
    return tag + _LENGTH.pack(len(items)) + b"".join(items)


class _Writer:
    def __init__(self, cap: int, opaque: Optional[List[str]]) -> None:
        self.chunks: List[bytes] = []
        self.left = cap
        self.opaque: List[str] = [] if opaque is None else opaque

    def put(self, data: bytes) -> None:
        self.left -= len(data)
        if self.left < 0:
            raise TooLarge("a value of more than the cap of bytes")
        self.chunks.append(data)

    def sized(self, tag: bytes, data: bytes) -> None:
        self.put(tag + _LENGTH.pack(len(data)))
        self.put(data)


class _Reader:
    def __init__(self, data: bytes, opaque: Optional[List[str]]) -> None:
        self.data = data
        self.at = 0
        self.opaque: List[str] = [] if opaque is None else opaque

    def take(self, size: int) -> bytes:
        start, self.at = self.at, self.at + size
        if self.at > len(self.data):
            raise Damaged("the value ends early")
        return self.data[start : self.at]

    def sized(self) -> bytes:
        return self.take(self.length())

    def length(self) -> int:
        size: int = _LENGTH.unpack(self.take(4))[0]
        return size


def _put(value: Any, out: _Writer, depth: int) -> None:
    kind = type(value)
    writer = _WRITERS.get(kind)
    if depth > MAX_DEPTH:
        _put_opaque("a value nested too deep", out)
    elif writer is not None:
        writer(value, out, depth)
    elif kind in ITERATORS:
        _put_iterator(value, out, depth)
    elif issubclass(kind, tuple) and type(getattr(kind, "_fields", None)) is tuple and _plain(kind):
        _put_items(b"t", tuple.__iter__(value), tuple.__len__(value), out, depth)
    else:
        _put_foreign(value, out, depth)


def _put_foreign(value: Any, out: _Writer, depth: int) -> None:
    """An array or a table by its parts, or `Opaque`."""
    for parts_of in FOREIGN_PARTS:
        found = parts_of(value)
        if found is not None:
            name, parts = found
            out.sized(b"y", name.encode())
            return _put(parts, out, depth + 1)
    name = type.__dict__["__name__"].__get__(type(value))
    return _put_opaque("a %s" % name, out)


def _plain(kind: type) -> bool:
    """A namedtuple that compares as its tuple does."""
    own = type.__dict__["__dict__"].__get__(kind)
    return kind.__bases__ == (tuple,) and "__eq__" not in own and "__hash__" not in own


def _put_opaque(what: str, out: _Writer) -> None:
    out.opaque.append(what)
    out.sized(b"o", what.encode("utf-8", "replace")[:100])


def _put_iterator(value: Any, out: _Writer, depth: int) -> None:
    items = list(itertools.islice(value, MAX_ITERATED + 1))
    if len(items) > MAX_ITERATED:
        return _put_opaque("an iterator of more than %d items" % MAX_ITERATED, out)
    return _put_items(b"g", items, len(items), out, depth)


def _put_int(value: int, out: _Writer, depth: int) -> None:
    if -(1 << 63) <= value < 1 << 63:
        out.put(b"i" + _SMALL.pack(value))
    else:
        out.sized(b"I", value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True))


def _put_text(value: str, out: _Writer, depth: int) -> None:
    if len(value) > out.left:  # before a copy of it is made
        raise TooLarge("a text over the cap")
    out.sized(b"s", value.encode("utf-8", "surrogatepass"))


def _put_items(tag: bytes, items: Any, size: int, out: _Writer, depth: int) -> None:
    out.put(tag + _LENGTH.pack(size))
    for item in items:
        _put(item, out, depth + 1)


def _sequence(tag: bytes) -> Callable[[Any, _Writer, int], None]:
    def put(value: Any, out: _Writer, depth: int) -> None:
        _put_items(tag, list(value), len(value), out, depth)

    return put


def _unordered(tag: bytes) -> Callable[[Any, _Writer, int], None]:
    def put(value: Any, out: _Writer, depth: int) -> None:
        """Sorted by their bytes, so that equal sets are equal bytes."""
        items = []
        for item in list(value):
            part = _Writer(out.left, out.opaque)
            _put(item, part, depth + 1)
            items.append(b"".join(part.chunks))
        out.put(join(tag, sorted(items)))

    return put


def _put_dict(value: Dict[Any, Any], out: _Writer, depth: int, tag: bytes = b"d") -> None:
    items = [part for pair in value.items() for part in pair]
    _put_items(tag, items, len(items), out, depth)


def _put_default_dict(value: Any, out: _Writer, depth: int) -> None:
    _put_dict(value, out, depth, b"D")


def _standard(name: str, parts: Callable[[Any], Tuple[Any, ...]]) -> Callable[[Any, _Writer, int], None]:
    def put(value: Any, out: _Writer, depth: int) -> None:
        out.sized(b"x", name.encode())
        _put(parts(value), out, depth + 1)

    return put


def _singleton(value: Any, out: _Writer, depth: int) -> None:
    out.put(SINGLES[value])


# What a value of another library is carried as: (name, parts), and how it is made again. Filled by `arrays`.
FOREIGN_PARTS: List[Callable[[Any], Optional[Tuple[str, Any]]]] = []
FOREIGN_TYPES: Dict[bytes, Callable[..., Any]] = {}

# What is read from so many bytes, by its tag. `digests` adds its own.
FIXED: Dict[bytes, Tuple[int, Callable[[bytes], Any]]] = {
    b"i": (8, lambda data: _SMALL.unpack(data)[0]),
    b"f": (8, lambda data: _FLOAT.unpack(data)[0]),
    b"c": (16, lambda data: complex(*_COMPLEX.unpack(data))),
}

_ITERATORS: Tuple[Any, ...] = (
    *((_ for _ in ()), map(int, ()), filter(None, ()), zip(), enumerate(()), reversed(()), reversed([])),
    *map(iter, ([], (), {}, {}.values(), {}.items(), set(), "", range(1), range(1 << 70))),
)
ITERATORS = frozenset(map(type, _ITERATORS)) | {kind for kind in vars(itertools).values() if isinstance(kind, type)}


_WRITERS: Dict[type, Callable[[Any, _Writer, int], None]] = {
    type(None): _singleton,
    bool: _singleton,
    type(Ellipsis): _singleton,
    type(NotImplemented): _singleton,
    int: _put_int,
    float: lambda value, out, depth: out.put(b"f" + _FLOAT.pack(value)),
    complex: lambda value, out, depth: out.put(b"c" + _COMPLEX.pack(value.real, value.imag)),
    str: _put_text,
    bytes: lambda value, out, depth: out.sized(b"b", value),
    bytearray: lambda value, out, depth: out.sized(b"B", bytes(value)),
    list: _sequence(b"l"),
    tuple: _sequence(b"t"),
    set: _unordered(b"S"),
    frozenset: _unordered(b"Z"),
    collections.deque: _sequence(b"q"),
    dict: _put_dict,
    collections.defaultdict: _put_default_dict,
    collections.OrderedDict: lambda value, out, depth: _put_dict(value, out, depth, b"O"),
    collections.Counter: lambda value, out, depth: _put_dict(value, out, depth, b"C"),
    range: _standard("range", lambda value: (value.start, value.stop, value.step)),
    slice: _standard("slice", lambda value: (value.start, value.stop, value.step)),
    decimal.Decimal: _standard("Decimal", lambda value: tuple(value.as_tuple())),
    fractions.Fraction: _standard("Fraction", lambda value: (value.numerator, value.denominator)),
    datetime.date: _standard("date", lambda value: (value.year, value.month, value.day)),
    datetime.timedelta: _standard("timedelta", lambda value: (value.days, value.seconds, value.microseconds)),
    datetime.time: _standard("time", lambda v: (v.hour, v.minute, v.second, v.microsecond)),
    datetime.datetime: _standard(
        "datetime", lambda v: (v.year, v.month, v.day, v.hour, v.minute, v.second, v.microsecond)
    ),
    type({}.keys()): _sequence(b"K"),
    type({}.values()): _sequence(b"V"),
    type({}.items()): _sequence(b"M"),
}
_STANDARD: Dict[bytes, Callable[..., Any]] = {
    b"range": range,
    b"slice": slice,
    b"Decimal": lambda *parts: decimal.Decimal(decimal.DecimalTuple(*parts)),  # type: ignore[arg-type]
    b"Fraction": fractions.Fraction,
    b"date": datetime.date,
    b"timedelta": datetime.timedelta,
    b"time": datetime.time,
    b"datetime": datetime.datetime,
}
_ITEMS: Dict[bytes, Callable[[List[Any]], Any]] = {
    b"l": list,
    b"t": tuple,
    b"S": set,
    b"Z": frozenset,
    b"q": collections.deque,
    b"d": lambda items: dict(zip(items[::2], items[1::2])),
    b"D": lambda items: collections.defaultdict(None, zip(items[::2], items[1::2])),
    b"O": lambda items: collections.OrderedDict(zip(items[::2], items[1::2])),
    b"C": lambda items: collections.Counter(dict(zip(items[::2], items[1::2]))),
    b"K": lambda items: dict.fromkeys(items).keys(),
    b"V": lambda items: dict(enumerate(items)).values(),
    b"M": lambda items: dict(items).items(),
    b"g": iter,
}
_SINGLE_VALUES = {tag: value for value, tag in SINGLES.items()}


def _take(reader: _Reader, depth: int) -> Any:
    tag = reader.take(1)
    if depth > MAX_DEPTH + 8:  # a value stands inside a report
        raise Damaged("nested too deep")
    if tag in _SINGLE_VALUES:
        return _SINGLE_VALUES[tag]
    if tag in _ITEMS:
        size = reader.length()
        if size > len(reader.data) - reader.at:  # an item takes a byte at least
            raise Damaged("more items than bytes")
        return _ITEMS[tag]([_take(reader, depth + 1) for _ in range(size)])
    if tag in _NAMED:
        return _take_named(_NAMED[tag], reader, depth)
    return _take_scalar(tag, reader)


def _take_scalar(tag: bytes, reader: _Reader) -> Any:
    if tag in FIXED:
        size, made = FIXED[tag]
        return made(reader.take(size))
    if tag == b"o":
        value = Opaque(reader.sized().decode("utf-8", "replace"))
        reader.opaque.append(value.kind)
        return value
    if tag not in _SIZED:
        raise Damaged("unknown tag %r" % tag)
    return _SIZED[tag](reader.sized())


_SIZED: Dict[bytes, Callable[[bytes], Any]] = {
    b"s": lambda data: data.decode("utf-8", "surrogatepass"),
    b"b": bytes,
    b"B": bytearray,
    b"I": lambda data: int.from_bytes(data, "big", signed=True),
}
_NAMED = {b"x": _STANDARD, b"y": FOREIGN_TYPES}


def _take_named(types: Dict[bytes, Callable[..., Any]], reader: _Reader, depth: int) -> Any:
    name = reader.sized()
    if name not in types:
        raise Damaged("unknown type %r" % name)
    parts = _take(reader, depth + 1)
    if type(parts) is not tuple:
        raise Damaged("a %r of no parts" % name)
    return types[name](*parts)
