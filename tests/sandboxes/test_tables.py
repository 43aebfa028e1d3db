"""Values of pandas across the boundary: they arrive as they were, or opaque."""

from __future__ import annotations

import datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from harness.sandboxes.inside import codec

from .carried import BERLIN, BOUNDED, same_pandas, tables_of_every_kind

FIXED = datetime.timezone(datetime.timedelta(hours=-6, minutes=-30))
ZONES = [None, BERLIN, FIXED, datetime.UTC, datetime.timezone(datetime.timedelta(hours=1), "named")]
UNITS = ["s", "ms", "us", "ns"] if int(pd.__version__.split(".")[0]) >= 2 else ["ns"]
LIMITS = {"min_value": datetime.datetime(1900, 1, 1), "max_value": datetime.datetime(2100, 1, 1)}


def carry(value: Any) -> Any:
    """Return `value` as it arrives, and expect all of it to."""
    names: list[str] = []
    data = codec.encode(value, opaque=names)
    arrived = codec.decode(data, names)
    assert names == []
    assert codec.encode(arrived) == data
    return arrived


@BOUNDED
@given(st.datetimes(**LIMITS), st.integers(0, 999), st.sampled_from(UNITS), st.sampled_from(ZONES), st.integers(0, 1))
@example(datetime.datetime(2020, 10, 25, 2, 30), 7, "ns", BERLIN, 0)
@example(datetime.datetime(2020, 10, 25, 2, 30), 7, "ns", BERLIN, 1)
def test_a_timestamp_arrives_as_it_was(
    when: datetime.datetime, nanoseconds: int, unit: str, zone: Any, fold: int
) -> None:
    """With its type, time zone, unit, nanoseconds, and which of two equal readings of the clock it is."""
    stamp = pd.Timestamp(when.replace(tzinfo=zone, fold=fold))
    stamp = stamp.as_unit(unit) if hasattr(stamp, "as_unit") else stamp
    stamp = stamp.replace(nanosecond=nanoseconds) if unit == "ns" else stamp

    arrived = carry([stamp])[0]

    assert type(arrived) is pd.Timestamp and repr(arrived) == repr(stamp)
    assert (arrived.asm8, arrived.asm8.dtype, arrived.fold) == (stamp.asm8, stamp.asm8.dtype, stamp.fold)
    assert type(arrived.tzinfo) is type(stamp.tzinfo) and arrived.tzinfo == stamp.tzinfo


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("zone", ZONES)
def test_columns_and_indexes_of_times_keep_zone_and_unit(zone: Any, unit: str) -> None:
    """Far from now too, if they are not counted in nanoseconds."""
    texts = ["2020-10-25T00:30", "2020-10-25T01:30", "NaT", *(["3020-01-01"] if unit != "ns" else [])]
    index = pd.DatetimeIndex(np.array(texts, f"M8[{unit}]"), name="when")
    index = index if zone is None else index.tz_localize("UTC").tz_convert(zone)
    spans = pd.TimedeltaIndex(np.array([3, -5, "NaT"], f"m8[{unit}]"))
    for value in (index, spans, pd.Series(index), pd.Series(1.5, index=index), pd.DataFrame({"a": index}), index[0]):
        arrived = carry([value])[0]
        same_pandas(arrived, value)
    assert carry(index).dtype == index.dtype and carry(spans).dtype == spans.dtype
    assert repr(carry(spans[0])) == repr(spans[0]) and carry(spans[0]).asm8.dtype == spans[0].asm8.dtype


@pytest.mark.parametrize("value", tables_of_every_kind(), ids=lambda value: type(value).__name__)
def test_a_value_of_pandas_arrives_as_it_was(value: Any) -> None:
    """Types of columns, labels and names included."""
    same_pandas(carry([value])[0], value)


def test_a_frequency_that_its_name_does_not_tell_is_left_behind() -> None:
    """The dates are carried all the same."""
    index = pd.date_range("2020-01-01", periods=3, freq=pd.offsets.CustomBusinessDay(holidays=["2020-01-02"]))

    arrived = carry(index)

    assert list(arrived) == list(index) and arrived.freq is None


class OwnZone(datetime.tzinfo):
    """A time zone that claims to be one of pytz."""

    zone = "Europe/Berlin"
    _minutes = 60

    def utcoffset(self, _: object) -> datetime.timedelta:
        return datetime.timedelta(hours=2)

    def dst(self, _: object) -> None:
        return None


class Own:
    """An object that claims to be an index."""

    names = ("a",)
    array = pd.Index([1]).array

    __class__ = property(lambda _: pd.Index)  # type: ignore[assignment]


class OwnIndex(pd.Index):
    """A class of its own, under the name of one of pandas."""


OwnIndex.__name__ = "RangeIndex"
SPARSE = pd.arrays.SparseArray([0, 0, 1])
OWN_ZONED = pd.DatetimeIndex(["2020-01-01"]).tz_localize(OwnZone())


@pytest.mark.parametrize(
    ("value", "first"),
    [
        (Own(), "a Own"),
        (object.__new__(OwnIndex), "a RangeIndex"),
        (pd.Timestamp("2020-01-01", tz=OwnZone()), "a datetime in a time zone that cannot be carried"),
        (OWN_ZONED, "a DatetimeIndex"),
        (pd.Series(OWN_ZONED), "a Series"),
        (pd.DataFrame({"a": [1, 2, 3], "b": SPARSE}), "a DataFrame"),
        (pd.Series(SPARSE), "a Series"),
        (pd.Series([1, 2, 3], index=pd.Index(SPARSE)), "a Index"),
        (pd.DataFrame({"a": [1]}, index=OWN_ZONED), "a DatetimeIndex"),
        (pd.DataFrame([[1]], columns=OWN_ZONED), "a DatetimeIndex"),
        (pd.MultiIndex.from_product([[1], OWN_ZONED]), "a DatetimeIndex"),
        (pd.Series([1], name=Own), "a type"),
        (pd.Categorical([OWN_ZONED[0]]), "a Categorical"),
        (pd.Series(pd.Categorical([OWN_ZONED[0]])), "a DatetimeIndex"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_a_table_with_a_part_that_cannot_be_carried_is_opaque(value: Any, first: str) -> None:
    """And named on both sides, first by the part that is to blame: such a table is judged another way."""
    sent: list[str] = []
    arrived: list[str] = []

    (table,) = codec.decode(codec.encode([value], opaque=sent), arrived)

    assert type(table) is codec.Opaque
    assert sent == [first] and arrived[0] == first


@pytest.mark.parametrize("value", [pd.DataFrame({"a": [1]}), pd.Timestamp("2020", tz=BERLIN), pd.Interval(0, 1)])
def test_a_deep_table_is_carried_or_opaque(value: Any) -> None:
    """Never bytes that the other side calls damaged."""
    for depth in range(170, 202):
        names: list[str] = []
        nested = value
        for _ in range(depth):
            nested = [nested]

        arrived = codec.decode(codec.encode(nested, opaque=names), [])

        assert set(names) <= {"a value nested too deep"} and bool(names) >= (depth > 184)
        if not names:
            for _ in range(depth):
                (arrived,) = arrived
            same_pandas(arrived, value)
