"""Tables across the boundary: pandas values for `codec`, column by column (see `arrays`).

Not carried: extension arrays of other packages, sparse columns, time zones that are neither pytz's nor UTC;
`attrs` and flags are left behind.
"""

import datetime
import sys
from typing import Any, Callable, Dict, List, Optional, Tuple

from . import codec
from .arrays import Parts


def _zone(zone: Any) -> Tuple[str, Any]:
    """A time zone's kind and name."""
    if zone is None:
        return "naive", None
    if zone is datetime.timezone.utc:
        return "utc", None
    if getattr(zone, "zone", None):
        return "pytz", zone.zone
    minutes = getattr(zone, "_minutes", None)  # pytz.FixedOffset
    return ("offset", minutes) if type(minutes) is int else ("unknown", None)


def _make_zone(kind: str, name: Any) -> Any:
    if kind in ("naive", "utc"):
        return datetime.timezone.utc if kind == "utc" else None
    import pytz

    makers: Dict[str, Callable[[Any], Any]] = {"pytz": pytz.timezone, "offset": pytz.FixedOffset}
    if kind not in makers:
        raise codec.Damaged("no time zone of this kind")
    return makers[kind](name)


def _pandas(value: Any) -> Parts:
    pandas = sys.modules.get("pandas")
    if pandas is None:
        return None
    kind = type(value)
    if kind is pandas.DataFrame:
        columns = [_column(pandas, value.iloc[:, at].array) for at in range(value.shape[1])]
        return "frame", (columns, value.columns, value.index)
    if kind is pandas.Series:
        return "series", (_column(pandas, value.array), value.index, value.name)
    if isinstance(value, pandas.Index):
        return _pandas_index(pandas, value)
    return _pandas_scalar(pandas, value)


def _pandas_scalar(pandas: Any, value: Any) -> Parts:
    if value is pandas.NaT or value is pandas.NA:
        return "missing", ("NaT" if value is pandas.NaT else "NA",)
    kind = type(value)
    if kind is pandas.Timestamp and _zone(value.tzinfo)[0] != "unknown":
        return "timestamp", (value.value, *_zone(value.tzinfo))
    if kind is pandas.Timedelta:
        return "duration", (value.value,)
    if kind is pandas.Period:
        return "period", (value.ordinal, value.freqstr)
    if kind is pandas.Interval:
        return "interval", (value.left, value.right, value.closed)
    return None


def _pandas_index(pandas: Any, value: Any) -> Parts:
    kind = type(value)
    names = list(value.names)
    if kind is pandas.RangeIndex:
        return "range index", (value.start, value.stop, value.step, names)
    if kind is pandas.MultiIndex:
        return "multi index", (list(value.levels), [code.copy() for code in value.codes], names)
    frequency = getattr(value, "freqstr", None) if kind in (pandas.DatetimeIndex, pandas.TimedeltaIndex) else None
    return "index", (_column(pandas, value.array), names, frequency)


def _column(pandas: Any, array: Any) -> Tuple[Any, ...]:
    """The values of a column or an index: the kind of array, and what it is made of."""
    kind = type(array)
    if kind is pandas.arrays.PandasArray:
        return "plain", array.to_numpy()
    if kind is pandas.Categorical:
        return "categories", array.codes.copy(), array.categories, array.ordered
    if kind is pandas.arrays.DatetimeArray:
        return ("times", array.asi8, *_zone(array.tz))
    if kind is pandas.arrays.TimedeltaArray:
        return "durations", array.asi8
    if kind is pandas.arrays.PeriodArray:
        return "periods", array.asi8, array.freqstr
    if kind is pandas.arrays.IntervalArray:
        return "intervals", array.left, array.right, array.closed
    if kind in (pandas.arrays.IntegerArray, pandas.arrays.FloatingArray, pandas.arrays.BooleanArray):
        return "masked", str(array.dtype), array._data, array._mask
    if kind is pandas.arrays.StringArray:
        return "strings", array.astype(object)
    return "unknown", kind


def _make_column(kind: str, *parts: Any) -> Any:
    import numpy
    import pandas

    def masked(dtype: str, data: Any, mask: Any) -> Any:
        makers = {"boolean": "BooleanArray", "Float32": "FloatingArray", "Float64": "FloatingArray"}
        return getattr(pandas.arrays, makers.get(dtype, "IntegerArray"))(data, mask)

    def times(stamps: Any, zone: str, name: Any) -> Any:
        naive = pandas.DatetimeIndex(stamps.view("M8[ns]"))
        return (naive if zone == "naive" else naive.tz_localize("UTC").tz_convert(_make_zone(zone, name))).array

    makers: Dict[str, Callable[..., Any]] = {
        "plain": lambda array: array,
        "categories": pandas.Categorical.from_codes,
        "times": times,
        "durations": lambda data: pandas.TimedeltaIndex(data.view("m8[ns]")).array,
        "periods": lambda ordinals, frequency: pandas.arrays.PeriodArray(ordinals, dtype=pandas.PeriodDtype(frequency)),
        "intervals": pandas.arrays.IntervalArray.from_arrays,
        "masked": masked,
        "strings": lambda data: pandas.array(data, dtype="string"),
        "unknown": lambda name: numpy.empty(0),
    }
    if kind not in makers:
        raise codec.Damaged("no array: %s" % kind)
    return makers[kind](*parts)


def _make_frame(columns: List[Tuple[Any, ...]], names: Any, index: Any) -> Any:
    import pandas

    frame = pandas.DataFrame({at: _make_column(*column) for at, column in enumerate(columns)}, index=index)
    frame.columns = names
    return frame


def _make_series(column: Tuple[Any, ...], index: Any, name: Any) -> Any:
    import pandas

    return pandas.Series(_make_column(*column), index=index, name=name)


def _make_range_index(start: int, stop: int, step: int, names: List[Any]) -> Any:
    import pandas

    return pandas.RangeIndex(start, stop, step, name=names[0])


def _make_multi_index(levels: List[Any], codes: List[Any], names: List[Any]) -> Any:
    import pandas

    return pandas.MultiIndex(levels=levels, codes=codes, names=names)


def _make_index(column: Tuple[Any, ...], names: List[Any], frequency: Optional[str]) -> Any:
    import pandas

    values = _make_column(*column)
    index = pandas.Index(values, dtype=values.dtype, name=names[0])
    if frequency is not None:
        index.freq = frequency
    return index


def _make_missing(name: str) -> Any:
    import pandas

    return {"NaT": pandas.NaT, "NA": pandas.NA}[name]


def _make_timestamp(value: int, zone: str, name: Any) -> Any:
    import pandas

    stamp = pandas.Timestamp(value)
    return stamp if zone == "naive" else stamp.tz_localize("UTC").tz_convert(_make_zone(zone, name))


def _pandas_maker(name: str) -> Callable[..., Any]:
    def make(*parts: Any) -> Any:
        import pandas

        if name == "Period":
            return pandas.Period(ordinal=parts[0], freq=parts[1])
        return getattr(pandas, name)(*parts)

    return make


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
        b"duration": _pandas_maker("Timedelta"),
        b"period": _pandas_maker("Period"),
        b"interval": _pandas_maker("Interval"),
    }
)
