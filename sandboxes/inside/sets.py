"""Carry sets for `codec`: answers sorted by their bytes, arguments in the order in which they iterate.

How a set iterates depends on its hashes, on the order of insertion and on the size of its table, which in turn
depends on how it was made. Text needs the same hash seed on both sides. An object that hashes by its address (`None`
before Python 3.12, a NaN, an iterator) hashes differently in each process, so that no order can be promised.
"""

import datetime
import decimal
import fractions
import sys
from typing import Any, List, Tuple

from . import codec

_NO_ORDER = "a set whose order cannot be carried"
_SCALARS = frozenset((int, float, str, bytes))
_BY_CONTENT = (int, str, bytes, datetime.date, datetime.time, datetime.timedelta, datetime.timezone, fractions.Fraction)
_NUMBERS = (float, complex, decimal.Decimal)
_NONE_IS_CONSTANT = sys.version_info >= (3, 12)


def _register(kind: Any, tag: bytes, copied_tag: bytes) -> None:
    def put(value: Any, out: codec.Writer, depth: int) -> None:
        items, parts = list(kind.__iter__(value)), []
        for item in items:
            part = codec.Writer(out.left, out.opaque, out.arguments)
            codec.put_value(item, part, depth + 1)
            parts.append(b"".join(part.chunks))
        copied = False
        if out.arguments:
            copied, parts = _keep_order(kind, items, parts, out.opaque)
        else:
            parts.sort()
        out.put(codec.join(copied_tag if copied else tag, parts))

    codec.register(kind, put, lambda value: value)
    codec.READERS[tag] = codec.collection(kind)
    codec.READERS[copied_tag] = codec.collection(lambda items: kind(set(items)))


def _keep_order(kind: Any, items: List[Any], parts: List[bytes], opaque: List[str]) -> Tuple[bool, List[bytes]]:
    """Return (whether to copy the set once it is made, parts) such that the decoded set iterates as the items do.

    A copy has a smaller table, as has the set that Python makes of a literal. Where nothing works the parts
    are returned as they are, and the set is named in `opaque`.
    """
    unknown: List[str] = []
    try:
        if not _SCALARS.issuperset(map(type, items)):
            items = [codec.decode(part, unknown) for part in parts]
        if unknown:  # they are named already
            return False, parts
        if len(items) > 1 and not all(map(_hashes_by_content, items)):
            raise ValueError("a hash that is another in each process")
        if _iterates_as(kind(items), items):
            return False, parts
        if _iterates_as(kind(set(items)), items):
            return True, parts
        order = sorted(range(len(items)), key=items.__getitem__)
        ascending = [items[at] for at in order]
        for copied in (False, True):
            if _iterates_as(kind(set(ascending) if copied else ascending), items):
                return copied, [parts[at] for at in order]
    except (ValueError, TypeError, ArithmeticError):  # unhashable, without an order, or hashed by address
        pass
    opaque.append(_NO_ORDER)
    return False, parts


def _hashes_by_content(item: Any) -> bool:
    """Return whether a decoded item is known to have the same hash in every process."""
    kind = type(item)
    if item is None:
        return _NONE_IS_CONSTANT
    if kind in (tuple, frozenset):
        return all(map(_hashes_by_content, item))
    if kind is slice:
        return all(map(_hashes_by_content, (item.start, item.stop, item.step)))
    if kind is range:  # one of fewer than two items hashes as a tuple with None in it
        return _NONE_IS_CONSTANT or bool(item[1:])
    numpy = sys.modules.get("numpy")
    if isinstance(item, _NUMBERS) or (numpy is not None and isinstance(item, numpy.generic)):
        return bool(item == item)  # noqa: PLR0124 - NaN and NaT are not
    return isinstance(item, _BY_CONTENT)


def _iterates_as(made: Any, items: List[Any]) -> bool:
    return len(made) == len(items) and all(one is other for one, other in zip(made, items))


_register(set, b"S", b"U")
_register(frozenset, b"Z", b"W")
