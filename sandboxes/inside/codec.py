"""Carry values across the boundary: lossless, with exact types, without pickle and eval.

`encode` writes what a candidate returned, `decode` reads it where the expected values are. Built-in types are
here; `standard`, `arrays` and `tables` register those of the standard library, numpy and pandas when they are
imported. A value of a program's own subclass of such a type is carried as its base value and read by the methods
of the base type: how the subclass compares, converts or iterates never counts. An object of any other class is
`Opaque` and equals nothing. Both sides cap depth and size, and decoding calls nothing but what is registered.
"""

import struct
from typing import Any, Callable, Dict, Iterable, List, Optional, Tuple

from .wire import LENGTH, MAX_BYTES, MAX_NAME, Damaged, Opaque, Reader, TooLarge, Writer

__all__ = ["MAX_BYTES", "MAX_NAME", "Damaged", "Opaque", "Reader", "TooLarge", "Writer"]

VERSION = 5
MAX_DEPTH = 200
_PARTS_DEPTH = 16
"""Levels that the parts of an array or a table may add to the depth of the value."""
_FLOAT = struct.Struct(">d")
_COMPLEX = struct.Struct(">dd")
_SMALL = struct.Struct(">q")
_TOO_DEEP = "a value nested too deep"
_UNHASHABLE = "a collection of items that cannot be hashed"
# The true ones: a metaclass may define attributes of these names itself.
mro_of: Callable[[type], Tuple[type, ...]] = type.__dict__["__mro__"].__get__
name_of: Callable[[type], str] = type.__dict__["__name__"].__get__


def join(tag: bytes, items: List[bytes]) -> bytes:
    """Make a list (`b"l"`) or tuple (`b"t"`) of values that are encoded already."""
    return tag + LENGTH.pack(len(items)) + b"".join(items)


def encode(value: Any, cap: int = MAX_BYTES, opaque: Optional[List[str]] = None, arguments: bool = False) -> bytes:
    """Return the bytes of `value`; what cannot be carried becomes `Opaque` where it stands, and is named in `opaque`.

    Sets are sorted by their bytes, so that equal sets are equal bytes. With `arguments` they are written so that
    the decoded set iterates as this one does; a set for which no such order is found is named in `opaque` too.

    Raises:
        TooLarge: over `cap` bytes.
    """
    out = Writer(cap, [] if opaque is None else opaque, arguments)
    put_value(value, out, 0)
    return b"".join(out.chunks)


def decode(data: bytes, opaque: Optional[List[str]] = None) -> Any:
    """Return the value that `encode` wrote; what could not be carried is named in `opaque`.

    Raises:
        Damaged: anything else, trailing bytes included.
        MemoryError: a value over the memory limit; nothing else is raised.
    """
    reader = Reader(data, [] if opaque is None else opaque)
    try:
        value = take_value(reader, 0)
    except (Damaged, MemoryError):
        raise
    except Exception as error:  # noqa: BLE001 - forged bytes may make a library raise anything
        raise Damaged("not a carried value: %s" % type(error).__name__) from None
    if reader.at != len(data):
        raise Damaged("%d bytes after the value" % (len(data) - reader.at))
    return value


Put = Callable[[Any, Writer, int], None]
Make = Callable[[List[Any]], Any]
Take = Callable[[Reader, int], Any]

WRITERS: Dict[type, Put] = {}
"""How a value of exactly this type is written."""
BASES: Dict[int, Tuple[Put, Callable[[Any], Any]]] = {}
"""By the id of a type: its writer, and what makes a value of a subclass fit for the writer."""
READERS: Dict[bytes, Take] = {}
"""How a value is read, by its tag."""
STANDARD_TYPES: Dict[bytes, Callable[..., Any]] = {}
"""What makes a value of the standard library from its parts."""
FOREIGN_PARTS: List[Callable[[Any], Optional[Tuple[str, Any]]]] = []
"""Each gives (name, parts) of a value it knows, else None."""
FOREIGN_TYPES: Dict[bytes, Callable[..., Any]] = {}
"""What makes a value of another library from its parts."""


def register(kind: type, put: Put, base_value: Optional[Callable[[Any], Any]] = None) -> None:
    """Write values of type `kind` by `put`; those of its subclasses too, once `base_value` made them plain."""
    WRITERS[kind] = put
    if base_value is not None:
        BASES[id(kind)] = put, base_value


def put_value(value: Any, out: Writer, depth: int) -> None:
    """Write `value`, which is `depth` levels down. Raises TooLarge."""
    kind = type(value)
    # a metaclass of the program's own may claim that its classes are equal to int
    writer = WRITERS.get(kind) if type(kind) is type else None
    if writer is None or depth > MAX_DEPTH:
        _put_other(value, out, depth)
    else:
        writer(value, out, depth)


def _put_other(value: Any, out: Writer, depth: int) -> None:
    """Write an array or a table by its parts, an own subclass by its base value, all else as `Opaque`."""
    if depth > MAX_DEPTH:
        return put_opaque(_TOO_DEEP, out)
    for parts_of in FOREIGN_PARTS:
        known = parts_of(value)
        if known is not None:
            return put_parts(b"y", known[0], known[1], out, depth)
    for base in mro_of(type(value)):
        if id(base) in BASES:
            put, base_value = BASES[id(base)]
            return put(base_value(value), out, depth)
    return put_opaque("a %s" % name_of(type(value))[:MAX_NAME], out)


def put_parts(tag: bytes, name: str, parts: Any, out: Writer, depth: int) -> None:
    """Write a value that is made again from its parts. Raises TooLarge."""
    if depth > MAX_DEPTH - _PARTS_DEPTH:  # parts that became opaque would make no value
        return put_opaque(_TOO_DEEP, out)
    out.write_sized(tag, name.encode())
    return put_value(parts, out, depth + 1)


def put_opaque(what: str, out: Writer) -> None:
    """Write that a value could not be carried, and name it. Raises TooLarge."""
    out.opaque.append(what[:MAX_NAME])
    out.write_sized(b"o", what[:MAX_NAME].encode("utf-8", "replace"))


def put_items(tag: bytes, items: Any, size: int, out: Writer, depth: int) -> None:
    """Write the items of a collection. Raises TooLarge."""
    out.put(tag + LENGTH.pack(size))
    depth += 1
    writers = WRITERS if depth <= MAX_DEPTH else {}
    for item in items:  # as `put_value`, without a call for each
        kind = type(item)
        writer = writers.get(kind) if type(kind) is type else None
        if writer is None:
            _put_other(item, out, depth)
        else:
            writer(item, out, depth)


def put_pairs(tag: bytes, pairs: Iterable[Tuple[Any, Any]], out: Writer, depth: int) -> None:
    """Write the items of a dict. Raises TooLarge."""
    items = [part for pair in pairs for part in pair]
    put_items(tag, items, len(items), out, depth)


def _put_int(value: int, out: Writer, depth: int) -> None:
    if -(1 << 63) <= value < 1 << 63:
        out.put(b"i" + _SMALL.pack(value))
    else:
        out.write_sized(b"I", value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True))


def _put_text(value: str, out: Writer, depth: int) -> None:
    if len(value) > out.left:  # before a copy of it is made
        raise TooLarge("a text over the cap")
    out.write_sized(b"s", value.encode("utf-8", "surrogatepass"))


_SINGLES: Dict[Any, bytes] = {None: b"N", True: b"T", False: b"F", Ellipsis: b"E", NotImplemented: b"X"}
_ALL = slice(None)

for _single in _SINGLES:
    register(type(_single), lambda value, out, depth: out.put(_SINGLES[value]))
register(Opaque, lambda value, out, depth: put_opaque(value.kind, out))
register(int, _put_int, int.__index__)
register(float, lambda value, out, depth: out.put(b"f" + _FLOAT.pack(value)), float.__pos__)
register(complex, lambda value, out, depth: out.put(b"c" + _COMPLEX.pack(value.real, value.imag)), complex.__pos__)
register(str, _put_text, str.__str__)
register(bytes, lambda value, out, depth: out.write_sized(b"b", value), lambda value: bytes.__getitem__(value, _ALL))
register(
    bytearray,
    lambda value, out, depth: out.write_sized(b"B", bytes(value)),
    lambda value: bytearray.__getitem__(value, _ALL),
)
register(
    list,
    lambda value, out, depth: put_items(b"l", value[:], len(value), out, depth),
    lambda value: list.__getitem__(value, _ALL),
)
register(
    tuple,
    lambda value, out, depth: put_items(b"t", value, len(value), out, depth),
    lambda value: tuple.__getitem__(value, _ALL),
)
register(dict, lambda value, out, depth: put_pairs(b"d", dict.items(value), out, depth), lambda value: value)


def take_value(reader: Reader, depth: int) -> Any:
    """Read the next value, which is `depth` levels down. Raises Damaged, or what `decode` makes Damaged of."""
    take = READERS.get(reader.take(1))
    if take is None:
        raise Damaged("unknown tag %r" % reader.data[reader.at - 1 : reader.at])
    if depth > MAX_DEPTH + 8:  # a value stands inside a report
        raise Damaged("nested too deep")
    return take(reader, depth)


def take_items(reader: Reader, depth: int) -> List[Any]:
    """Read the items of a collection. Raises as `take_value`."""
    size = reader.length()
    if size > len(reader.data) - reader.at:  # an item takes a byte at least
        raise Damaged("more items than bytes")
    return [take_value(reader, depth + 1) for _ in range(size)]


def collection(make: Make) -> Take:
    """Return a reader of items of which `make` makes a value; `Opaque` where one of them cannot be hashed."""

    def take(reader: Reader, depth: int) -> Any:
        items = take_items(reader, depth)
        try:
            return make(items)
        except TypeError:
            return reader.make_opaque(_UNHASHABLE)

    return take


def make_mapping_reader(make: Callable[[Any], Any]) -> Take:
    """Return a reader of keys and values in turn; `make` is given the pairs."""

    def make_of_items(items: List[Any]) -> Any:
        if len(items) % 2:
            raise Damaged("a key without a value")
        return make(zip(items[::2], items[1::2]))

    return collection(make_of_items)


def _make_named_reader(types: Dict[bytes, Callable[..., Any]]) -> Take:
    def take(reader: Reader, depth: int) -> Any:
        name = reader.read_sized()
        if name not in types:
            raise Damaged("unknown type %r" % name[:MAX_NAME])
        named_before = len(reader.opaque)
        parts = take_value(reader, depth + 1)
        if type(parts) is not tuple:
            raise Damaged("a %r of no parts" % name)
        try:
            return types[name](*parts)
        except MemoryError:
            raise
        except Exception as error:  # a library may raise anything about parts that make no value
            if len(reader.opaque) > named_before:  # one of them could not be carried
                return reader.make_opaque("a %s of parts that cannot be carried" % name.decode())
            if type(error) is Damaged:
                raise
            raise Damaged("not a %r: %s" % (name, type(error).__name__)) from None

    return take


def _take_int(reader: Reader, depth: int) -> Any:
    return _SMALL.unpack(reader.take(8))[0]


READERS.update({tag: lambda reader, depth, value=value: value for value, tag in _SINGLES.items()})  # type: ignore[misc]
READERS.update(
    {
        b"i": _take_int,
        b"I": lambda reader, depth: int.from_bytes(reader.read_sized(), "big", signed=True),
        b"f": lambda reader, depth: _FLOAT.unpack(reader.take(8))[0],
        b"c": lambda reader, depth: complex(*_COMPLEX.unpack(reader.take(16))),
        b"s": lambda reader, depth: reader.read_sized().decode("utf-8", "surrogatepass"),
        b"b": lambda reader, depth: reader.read_sized(),
        b"B": lambda reader, depth: bytearray(reader.read_sized()),
        b"o": lambda reader, depth: reader.make_opaque(reader.read_sized()[: 4 * MAX_NAME].decode("utf-8", "replace")),
        b"l": take_items,
        b"t": lambda reader, depth: tuple(take_items(reader, depth)),
        b"d": make_mapping_reader(dict),
        b"x": _make_named_reader(STANDARD_TYPES),
        b"y": _make_named_reader(FOREIGN_TYPES),
    }
)
