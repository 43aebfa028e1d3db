"""Carry values of the standard library for `codec`: collections, views, iterators, exact numbers, dates, time zones.

Iterators are emptied to carry them. A deque keeps its `maxlen`, a defaultdict loses its factory. Of time zones only
`datetime.timezone` and `zoneinfo.ZoneInfo` by key are carried: a date or time in any other zone is `Opaque`.
"""

import collections
import datetime
import decimal
import fractions
import itertools
import re
import sys
from typing import Any, Callable, Iterator, Optional, Tuple

from . import codec

MAX_ITERATED = 10000
"""Items of an iterator, which are taken out of it to carry it."""
_ZONE_KEY = re.compile(r"[\w+-]+(/[\w+-]+){0,3}", re.ASCII)
Parts = Optional[Tuple[Any, ...]]


def _register_parts(kind: type, parts_of: Callable[[Any], Parts], make: Callable[..., Any], subclass: bool) -> None:
    """Carry `kind` by its parts, which are None where a value has some that cannot be carried."""
    name = kind.__name__

    def put(value: Any, out: codec.Writer, depth: int) -> None:
        parts = parts_of(value)
        if parts is None:
            codec.put_opaque("a %s in a time zone that cannot be carried" % name, out)
        else:
            codec.put_parts(b"x", name, parts, out, depth)

    codec.register(kind, put, _itself if subclass else None)
    codec.STANDARD_TYPES[name.encode()] = make


def _itself(value: Any) -> Any:
    return value


def _fields(kind: Any, *names: str) -> Callable[[Any], Tuple[Any, ...]]:
    """Return a function that reads these attributes as `kind` itself defines them."""
    getters = [getattr(kind, name).__get__ for name in names]
    return lambda value: tuple([get(value) for get in getters])


def _register_items(tag: bytes, kind: Any, make: codec.Make) -> None:
    def put(value: Any, out: codec.Writer, depth: int) -> None:
        items = list(value)
        codec.put_items(tag, items, len(items), out, depth)

    codec.register(kind, put)
    codec.READERS[tag] = codec.collection(make)


def _register_mapping(tag: bytes, kind: Any, make: Callable[[Any], Any]) -> None:
    codec.register(kind, lambda value, out, depth: codec.put_pairs(tag, kind.items(value), out, depth), _itself)
    codec.READERS[tag] = codec.make_mapping_reader(make)


def _put_deque(value: Any, out: codec.Writer, depth: int) -> None:
    items = list(collections.deque.__iter__(value))
    limit = collections.deque.maxlen.__get__(value)
    if limit is None:
        codec.put_items(b"q", items, len(items), out, depth)
    else:
        codec.put_parts(b"x", "deque", (items, limit), out, depth)


def _make_deque(items: Any, limit: Any) -> Any:
    if type(items) is not list:  # a deque would go through a range item by item
        raise codec.Damaged("a deque of no items")
    return collections.deque(items, limit)


def _put_iterator(value: Any, out: codec.Writer, depth: int) -> None:
    items = list(itertools.islice(value, MAX_ITERATED + 1))
    if len(items) > MAX_ITERATED:
        codec.put_opaque("an iterator of more than %d items" % MAX_ITERATED, out)
    else:
        codec.put_items(b"g", items, len(items), out, depth)


def _register_iterator(kind: Any) -> None:
    def rest(value: Any) -> Iterator[Any]:
        while True:
            try:
                item = kind.__next__(value)
            except StopIteration:
                return
            yield item

    codec.register(kind, _put_iterator, rest)


def _make_decimal(sign: Any, digits: Any, exponent: Any) -> decimal.Decimal:
    return decimal.Decimal((sign, digits, exponent))


def _make_fraction(numerator: Any, denominator: Any) -> fractions.Fraction:
    if type(numerator) is not int or type(denominator) is not int:
        raise codec.Damaged("a fraction of other things than integers")
    return fractions.Fraction(numerator, denominator)


def _drop_zone(parts_of: Callable[[Any], Tuple[Any, ...]]) -> Callable[[Any], Parts]:
    """Leave (time zone, fold), the last two parts, out where they say nothing."""

    def split_zone(value: Any) -> Parts:
        *parts, zone, fold = parts_of(value)
        if zone is None and not fold:
            return tuple(parts)
        return (*parts, zone, fold) if zone is None or carries_zone(zone) else None

    return split_zone


def _make_zoned(kind: Callable[..., Any], size: int) -> Callable[..., Any]:
    def make(*parts: Any) -> Any:
        if len(parts) == size:
            return kind(*parts)
        *fields, zone, fold = parts
        return kind(*fields, tzinfo=zone, fold=fold)

    return make


def carries_zone(zone: Any) -> bool:
    """Return whether this is a time zone that is carried."""
    return type(zone) is datetime.timezone or _zone_info(zone) is not None


def _zone_info(value: Any) -> Optional[Tuple[str, Tuple[Any, ...]]]:
    zoneinfo = sys.modules.get("zoneinfo")
    if zoneinfo is None or type(value) is not zoneinfo.ZoneInfo:
        return None
    key = value.key
    return ("zone", (key,)) if type(key) is str and _ZONE_KEY.fullmatch(key) else None


def _make_zone(key: Any) -> Any:
    import zoneinfo

    if type(key) is not str or not _ZONE_KEY.fullmatch(key):
        raise codec.Damaged("not the key of a time zone")
    return zoneinfo.ZoneInfo(key)


def _register_all() -> None:
    codec.register(collections.deque, _put_deque, _itself)
    codec.READERS[b"q"] = codec.collection(collections.deque)
    codec.STANDARD_TYPES[b"deque"] = _make_deque
    _register_mapping(b"D", collections.defaultdict, lambda pairs: collections.defaultdict(None, pairs))
    _register_mapping(b"O", collections.OrderedDict, collections.OrderedDict)
    _register_mapping(b"C", collections.Counter, lambda pairs: collections.Counter(dict(pairs)))
    empties: Tuple[Any, ...] = (collections.OrderedDict(), {})  # views of both arrive as those of a dict
    for empty in empties:
        _register_items(b"K", type(empty.keys()), lambda items: dict.fromkeys(items).keys())
        _register_items(b"V", type(empty.values()), lambda items: dict(enumerate(items)).values())
        _register_items(b"M", type(empty.items()), lambda items: dict(items).items())
    iterators: Tuple[Any, ...] = (
        *((_ for _ in ()), map(int, ()), filter(None, ()), zip(), enumerate(()), reversed(()), reversed([])),
        *map(iter, ([], (), {}, {}.values(), {}.items(), set(), "", range(1), range(1 << 70))),
    )
    kinds = {*map(type, iterators), *(kind for kind in vars(itertools).values() if isinstance(kind, type))}
    for kind in kinds:
        if hasattr(kind, "__next__"):
            _register_iterator(kind)
    codec.READERS[b"g"] = codec.collection(iter)
    bounds = ("start", "stop", "step")
    _register_parts(range, _fields(range, *bounds), range, subclass=False)
    _register_parts(slice, _fields(slice, *bounds), slice, subclass=False)
    _register_parts(decimal.Decimal, lambda value: tuple(decimal.Decimal.as_tuple(value)), _make_decimal, subclass=True)
    _register_parts(
        fractions.Fraction, _fields(fractions.Fraction, "_numerator", "_denominator"), _make_fraction, subclass=True
    )
    day, clock = ("year", "month", "day"), ("hour", "minute", "second", "microsecond", "tzinfo", "fold")
    _register_parts(datetime.date, _fields(datetime.date, *day), datetime.date, subclass=True)
    _register_parts(
        datetime.timedelta,
        _fields(datetime.timedelta, "days", "seconds", "microseconds"),
        datetime.timedelta,
        subclass=True,
    )
    _register_parts(
        datetime.time, _drop_zone(_fields(datetime.time, *clock)), _make_zoned(datetime.time, 4), subclass=True
    )
    _register_parts(
        datetime.datetime,
        _drop_zone(_fields(datetime.datetime, *day, *clock)),
        _make_zoned(datetime.datetime, 7),
        subclass=True,
    )
    _register_parts(
        datetime.timezone,
        datetime.timezone.__getinitargs__,  # type: ignore[attr-defined]
        datetime.timezone,
        subclass=False,
    )
    codec.FOREIGN_PARTS.append(_zone_info)
    codec.FOREIGN_TYPES[b"zone"] = _make_zone


_register_all()
