"""Tables across the boundary: pandas values for `codec`, whose columns are those of `columns`.

A value is told by its own class, never by what `__class__` answers. A table with a column that cannot be carried is
`Opaque`. `attrs` and flags are left behind, and so is the frequency of an index if its name does not tell it.
"""

import sys
from typing import Any, Callable, Dict, List, Optional, Tuple

from . import codec
from .arrays import Parts
from .columns import check_flat, check_indexes, column_parts, make_column, make_zone, zone_parts

_INDEXES = ["Index", "CategoricalIndex", "DatetimeIndex", "IntervalIndex", "PeriodIndex", "TimedeltaIndex"]
_INDEXES += ["Int64Index", "UInt64Index", "Float64Index", "NumericIndex"]  # before pandas 2


def _pandas(value: Any) -> Parts:
    parts_of = _PARTS.get(codec.name_of(type(value)))
    pandas = sys.modules.get("pandas")
    if parts_of is None or pandas is None:
        return None
    return parts_of(pandas, value) if _is_real(pandas, value) else None


def _is_real(pandas: Any, value: Any) -> bool:
    """Return whether the class of `value` is the one of pandas that has its name."""
    kind = type(value)
    name = codec.name_of(kind)
    if name in ("NaTType", "NAType"):  # one value each, of a class without a public name
        return value is getattr(pandas, name[:-4], None)
    modules = (pandas, sys.modules.get("pandas.core.indexes.api")) if name in _INDEXES else (pandas,)
    return any(vars(module).get(name) is kind for module in modules if module is not None)


def _frame_parts(pandas: Any, frame: Any) -> Parts:
    columns = [column_parts(pandas, frame.iloc[:, at].array) for at in range(frame.shape[1])]
    return None if None in columns else ("frame", (columns, frame.columns, frame.index))


def _series_parts(pandas: Any, series: Any) -> Parts:
    column = column_parts(pandas, series.array)
    return None if column is None else ("series", (column, series.index, series.name))


def _timestamp_parts(pandas: Any, stamp: Any) -> Parts:
    zone = zone_parts(stamp.tzinfo)
    return None if zone is None else ("timestamp", (stamp.asm8, zone, stamp.fold))


def _multi_index_parts(pandas: Any, index: Any) -> Parts:
    return "multi index", (list(index.levels), [code.copy() for code in index.codes], list(index.names))


def _index_parts(pandas: Any, index: Any) -> Parts:
    column = column_parts(pandas, index.array)
    dated = type(index) in (pandas.DatetimeIndex, pandas.TimedeltaIndex)
    return None if column is None else ("index", (column, list(index.names), _frequency(index) if dated else None))


def _frequency(index: Any) -> Optional[str]:
    """Return the name of the frequency of an index, if the frequency can be made of it again."""
    from pandas.tseries.frequencies import to_offset

    name: Optional[str] = index.freqstr
    try:
        return name if to_offset(name) == index.freq else None
    except ValueError:
        return None


_PARTS: Dict[str, Callable[[Any, Any], Parts]] = {
    "DataFrame": _frame_parts,
    "Series": _series_parts,
    "MultiIndex": _multi_index_parts,
    "RangeIndex": lambda _, index: ("range index", (index.start, index.stop, index.step, list(index.names))),
    "Timestamp": _timestamp_parts,
    "Timedelta": lambda _, span: ("duration", (span.asm8,)),
    "Period": lambda _, period: ("period", (period.ordinal, period.freqstr)),
    "Interval": lambda _, interval: ("interval", (interval.left, interval.right, interval.closed)),
    "NaTType": lambda _, value: ("missing", ("NaT",)),
    "NAType": lambda _, value: ("missing", ("NA",)),
}
"""By the name of a class, how (pandas, value) becomes the parts of the value."""
_PARTS.update(dict.fromkeys(_INDEXES, _index_parts))


def _make_frame(columns: List[Tuple[Any, ...]], names: Any, index: Any) -> Any:
    import pandas

    check_indexes(names, index)
    if type(columns) is not list:
        raise codec.Damaged("a frame without columns")
    arrays = [make_column(column) for column in columns]
    if any(len(array) != len(index) for array in arrays):  # pandas would fill up to the length of a range
        raise codec.Damaged("a column of another length than its frame")
    # with its dtype, since pandas 3 makes text of objects that are all strings
    values = {at: pandas.Series(array, dtype=array.dtype) for at, array in enumerate(arrays)}
    frame = pandas.DataFrame(values) if values else pandas.DataFrame(index=index)
    frame.index, frame.columns = index, names
    return frame


def _make_series(column: Tuple[Any, ...], index: Any, name: Any) -> Any:
    import pandas

    check_indexes(index)
    values = make_column(column)
    return pandas.Series(values, index=index, name=name, dtype=values.dtype)


def _make_range_index(start: int, stop: int, step: int, names: List[Any]) -> Any:
    import pandas

    return pandas.RangeIndex(start, stop, step, name=names[0])


def _make_multi_index(levels: List[Any], codes: List[Any], names: List[Any]) -> Any:
    import pandas

    if [type(part) for part in (levels, codes, names)] != [list] * 3:
        raise codec.Damaged("an index without levels")
    check_indexes(*levels)
    check_flat(*codes)
    return pandas.MultiIndex(levels=levels, codes=codes, names=names)


def _make_index(column: Tuple[Any, ...], names: List[Any], frequency: Optional[str]) -> Any:
    import pandas

    values = make_column(column)
    index = pandas.Index(values, dtype=values.dtype, name=names[0])
    if frequency is not None:
        index.freq = frequency
    return index


def _make_missing(name: str) -> Any:
    import pandas

    return {"NaT": pandas.NaT, "NA": pandas.NA}[name]


def _make_timestamp(stamp: Any, zone_of: Tuple[str, Any], fold: Any) -> Any:
    import numpy
    import pandas

    if type(stamp) is not numpy.datetime64:
        raise codec.Damaged("not a time of numpy")
    made, zone = pandas.Timestamp(stamp), make_zone(zone_of)
    if zone is not None:
        made = made.tz_localize("UTC").tz_convert(zone)
    return made if made.fold == fold else made.replace(fold=fold)


def _make_duration(span: Any) -> Any:
    import numpy
    import pandas

    if type(span) is not numpy.timedelta64:
        raise codec.Damaged("not a duration of numpy")
    return pandas.Timedelta(span)


def _make_period(ordinal: int, frequency: str) -> Any:
    import pandas

    return pandas.Period(ordinal=ordinal, freq=frequency)


def _make_interval(left: Any, right: Any, closed: Any) -> Any:
    import pandas

    return pandas.Interval(left, right, closed)


codec.FOREIGN_PARTS.append(_pandas)
codec.FOREIGN_TYPES.update(
    {
        b"frame": _make_frame,
        b"series": _make_series,
        b"range index": _make_range_index,
        b"multi index": _make_multi_index,
        b"index": _make_index,
        b"missing": _make_missing,
        b"timestamp": _make_timestamp,
        b"duration": _make_duration,
        b"period": _make_period,
        b"interval": _make_interval,
    }
)
