"""Compare numpy's narrow floats exactly: as 64-bit ones.

numpy casts a Python number down to the type of the numpy number beside it, so that float16(inf) == 70000 is true.
"""

import collections
import sys
from typing import Any, Callable, Dict, List

_PLAIN = frozenset((int, float, complex, str, bytes, bool, type(None)))
_COLLECTIONS: Dict[type, Callable[[List[Any]], Any]] = {
    list: list,
    tuple: tuple,
    set: set,
    frozenset: frozenset,
    collections.deque: collections.deque,
    type({}.keys()): lambda items: dict.fromkeys(items).keys(),
    type({}.items()): lambda items: dict(items).items(),
}
_MAPPINGS: Dict[type, Callable[[List[Any]], Any]] = {
    dict: dict,
    collections.defaultdict: lambda items: collections.defaultdict(None, items),
    collections.OrderedDict: collections.OrderedDict,
    collections.Counter: lambda items: collections.Counter(dict(items)),
}


def widen(value: Any) -> Any:
    """Return `value` with float64 and complex128 in place of narrower numpy floats, at every depth.

    Takes values of `codec`; one without narrow floats is returned itself.
    """
    return _widen(value) if "numpy" in sys.modules else value


def _widen(value: Any) -> Any:
    kind = type(value)
    if kind in _PLAIN:
        return value
    if kind in _COLLECTIONS:
        return value if _PLAIN.issuperset(map(type, value)) else _remake(value, list(value), _COLLECTIONS[kind])
    if kind in _MAPPINGS:
        if _PLAIN.issuperset(map(type, value)) and _PLAIN.issuperset(map(type, value.values())):
            return value
        return _remake(value, list(value.items()), _MAPPINGS[kind])
    if kind is slice:
        return _remake(value, [value.start, value.stop, value.step], lambda bounds: slice(*bounds))
    return _widen_numpy(value)


def _remake(value: Any, items: List[Any], make: Callable[[List[Any]], Any]) -> Any:
    widened = list(map(_widen, items))
    return value if all(one is other for one, other in zip(items, widened)) else make(widened)


def _widen_numpy(value: Any) -> Any:
    numpy = sys.modules["numpy"]
    if not isinstance(value, (numpy.generic, numpy.ndarray)):
        return value
    kind, size = value.dtype.kind, value.dtype.itemsize
    if kind == "f" and size < 8:
        return value.astype(numpy.float64)
    if kind == "c" and size < 16:
        return value.astype(numpy.complex128)
    if kind == "O":
        array = numpy.empty(value.size, dtype=object)
        array[:] = list(map(_widen, value.ravel().tolist()))
        return array.reshape(value.shape)
    return value
