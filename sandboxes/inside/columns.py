"""Columns of tables across the boundary: arrays of pandas and their time zones for `tables`.

Dates and durations travel as those of numpy, which keep their unit.

Not carried: sparse columns, columns of Arrow types other than text, extension arrays of other packages, time zones
other than those of pytz, `zoneinfo` by key and `datetime.timezone`.
"""

import sys
from typing import Any, Callable, Dict, Optional, Tuple

from . import codec, standard

_STRINGS = ["StringArray", "ArrowStringArray", "StringArrayNumpySemantics", "ArrowStringArrayNumpySemantics"]
Column = Optional[Tuple[Any, ...]]
"""The kind of a column and what it is made of; None for one that cannot be carried."""


def zone_parts(zone: Any) -> Optional[Tuple[str, Any]]:
    """Return the kind of a time zone and what tells it among its kind; None for one that cannot be carried."""
    if zone is None:
        return "naive", None
    if standard.carries_zone(zone):
        return "zone", zone
    pytz = sys.modules.get("pytz")
    if pytz is None:
        return None
    if type(zone) is pytz._FixedOffset:
        return "offset", zone._minutes
    name = zone.zone if issubclass(type(zone), pytz.tzinfo.BaseTzInfo) else None
    if type(name) is str and name in pytz.all_timezones_set and type(pytz.timezone(name)) is type(zone):
        return "pytz", name
    return None


def make_zone(parts: Tuple[str, Any]) -> Any:
    """Return the time zone of `zone_parts`. Raises Damaged, or what pytz raises."""
    if type(parts) is not tuple or len(parts) != 2:
        raise codec.Damaged("not a time zone")
    kind, told = parts
    if kind == "naive":
        return None
    if kind == "zone" and standard.carries_zone(told):
        return told
    if kind not in ("pytz", "offset"):
        raise codec.Damaged("no time zone of this kind")
    import pytz

    return pytz.timezone(told) if kind == "pytz" else pytz.FixedOffset(told)


def column_parts(pandas: Any, array: Any) -> Column:
    """Return the parts of the values of a column or an index."""
    kind = type(array)
    name = codec.name_of(kind)
    if name in _STRINGS:
        return _string_column(pandas, array)
    if name not in _COLUMNS or vars(pandas.arrays).get(name) is not kind:
        return None
    return _COLUMNS[name](pandas, array)


def _string_column(pandas: Any, array: Any) -> Column:
    dtype = array.dtype
    if type(dtype) is not pandas.StringDtype or dtype.construct_array_type() is not type(array):
        return None
    known = dtype.storage in ("python", "pyarrow")
    return ("strings", array.astype(object), dtype.storage, dtype.na_value is pandas.NA) if known else None


def _time_column(pandas: Any, array: Any) -> Column:
    zone = zone_parts(array.tz)
    return None if zone is None else ("times", _in_unit("M", array), zone)


def _in_unit(letter: str, array: Any) -> Any:
    """Return the values as those of numpy; before pandas 2 they have no unit but this."""
    return array.asi8.view("%s8[%s]" % (letter, getattr(array, "unit", "ns")))


def _interval_column(pandas: Any, array: Any) -> Column:
    sides = column_parts(pandas, array.left.array), column_parts(pandas, array.right.array)
    return None if None in sides else ("intervals", *sides, array.closed)


def _masked_column(pandas: Any, array: Any) -> Column:
    return "masked", array._data, str(array.dtype), array._mask


def _plain_column(pandas: Any, array: Any) -> Column:
    return "plain", array.to_numpy()


_COLUMNS: Dict[str, Callable[[Any, Any], Column]] = {
    "PandasArray": _plain_column,  # its name before pandas 2.1
    "NumpyExtensionArray": _plain_column,
    "Categorical": lambda _, array: ("categories", array.codes.copy(), array.categories, array.ordered),
    "DatetimeArray": _time_column,
    "TimedeltaArray": lambda _, array: ("durations", _in_unit("m", array)),
    "PeriodArray": lambda _, array: ("periods", array.asi8, array.freqstr),
    "IntervalArray": _interval_column,
    "IntegerArray": _masked_column,
    "FloatingArray": _masked_column,
    "BooleanArray": _masked_column,
}
"""By the name of a class of `pandas.arrays`, how (pandas, array) becomes the parts of a column."""


def make_column(column: Tuple[Any, ...]) -> Any:
    """Return the array of `column_parts`. Raises Damaged, or what pandas raises."""
    if type(column) is not tuple or len(column) < 2 or column[0] not in _MAKERS:
        raise codec.Damaged("not a column")
    if column[0] != "intervals":
        check_flat(column[1])
    return _MAKERS[column[0]](*column[1:])


def check_flat(*arrays: Any) -> None:
    """Raise Damaged unless these are arrays of one dimension: pandas would write out a range, and repeat a scalar."""
    import numpy

    for array in arrays:
        if type(array) is not numpy.ndarray or array.ndim != 1:
            raise codec.Damaged("not an array of one dimension")


def check_indexes(*indexes: Any) -> None:
    """Raise Damaged unless these are indexes of pandas."""
    import pandas

    for index in indexes:
        if not issubclass(type(index), pandas.Index):
            raise codec.Damaged("not an index")


def _make_categories(codes: Any, categories: Any, ordered: Any) -> Any:
    import pandas

    check_indexes(categories)
    return pandas.Categorical.from_codes(codes, categories, ordered)


def _make_times(stamps: Any, zone_of: Tuple[str, Any]) -> Any:
    import pandas

    naive, zone = pandas.DatetimeIndex(stamps), make_zone(zone_of)
    return (naive if zone is None else naive.tz_localize("UTC").tz_convert(zone)).array


def _make_durations(spans: Any) -> Any:
    import pandas

    return pandas.TimedeltaIndex(spans).array


def _make_periods(ordinals: Any, frequency: str) -> Any:
    import pandas

    return pandas.arrays.PeriodArray(ordinals, dtype=pandas.PeriodDtype(frequency))


def _make_intervals(left: Tuple[Any, ...], right: Tuple[Any, ...], closed: Any) -> Any:
    import pandas

    return pandas.arrays.IntervalArray.from_arrays(make_column(left), make_column(right), closed)


def _make_masked(data: Any, dtype: str, mask: Any) -> Any:
    import pandas

    makers = {"boolean": "BooleanArray", "Float32": "FloatingArray", "Float64": "FloatingArray"}
    return getattr(pandas.arrays, makers.get(dtype, "IntegerArray"))(data, mask)


def _make_strings(texts: Any, storage: Any, is_na: bool) -> Any:
    import pandas

    options: Dict[str, Any] = {} if is_na else {"na_value": float("nan")}
    return pandas.array(texts, dtype=pandas.StringDtype(storage, **options))


_MAKERS: Dict[str, Callable[..., Any]] = {
    "plain": lambda array: array,
    "categories": _make_categories,
    "times": _make_times,
    "durations": _make_durations,
    "periods": _make_periods,
    "intervals": _make_intervals,
    "masked": _make_masked,
    "strings": _make_strings,
}
"""What makes an array of the parts of a column, by the kind of column."""
