"""Carry sets for `codec`: answers sorted by their bytes, arguments in the order in which they iterate.

How a set iterates depends on its hashes, on the order of insertion and on the size of its table, which in turn
depends on how it was made. Text needs the same hash seed on both sides.
"""

from typing import Any, List, Tuple

from . import codec

_NO_ORDER = "a set whose order cannot be carried"
_SCALARS = frozenset((int, float, str, bytes))


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
        if _iterates_as(kind(items), items):
            return False, parts
        if _iterates_as(kind(set(items)), items):
            return True, parts
        order = sorted(range(len(items)), key=items.__getitem__)
        ascending = [items[at] for at in order]
        for copied in (False, True):
            if _iterates_as(kind(set(ascending) if copied else ascending), items):
                return copied, [parts[at] for at in order]
    except (ValueError, TypeError, ArithmeticError):  # unhashable, or without an order
        pass
    opaque.append(_NO_ORDER)
    return False, parts


def _iterates_as(made: Any, items: List[Any]) -> bool:
    return len(made) == len(items) and all(one is other for one, other in zip(made, items))


_register(set, b"S", b"U")
_register(frozenset, b"Z", b"W")
