"""Values for the tests of the codec, and how to tell two that are equal apart."""

from __future__ import annotations

import collections
import datetime
import decimal
import zoneinfo
from typing import Any

import numpy as np
import pandas as pd
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from harness.sandboxes.inside import arrays, digests, tables

BOUNDED = settings(
    deadline=None,
    max_examples=200,
    suppress_health_check=[HealthCheck.too_slow],
    database=None,
    derandomize=True,  # the same examples on every machine
)
IMPORTED = (arrays, digests, tables)
"""They register what they carry."""
BERLIN = zoneinfo.ZoneInfo("Europe/Berlin")

zones = st.one_of(
    st.none(),
    st.just(datetime.UTC),
    st.builds(datetime.timezone, st.timedeltas(datetime.timedelta(hours=-23), datetime.timedelta(hours=23))),
    st.just(datetime.timezone(datetime.timedelta(hours=1), "named")),
    st.sampled_from(["UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires"]).map(zoneinfo.ZoneInfo),
)
texts = st.text(st.characters(codec=None, exclude_categories=[]), max_size=8)  # lone surrogates too
numbers = st.one_of(st.integers(), st.integers(-(1 << 200), 1 << 200), st.floats(), st.complex_numbers())
exact = st.one_of(st.decimals(), st.just(decimal.Decimal("sNaN7")), st.just(decimal.Decimal("-0E+5")), st.fractions())
dates = st.one_of(
    st.dates(),
    st.timedeltas(),
    st.times(timezones=st.just(datetime.timezone(datetime.timedelta(hours=2)))),
    st.builds(datetime.datetime.replace, st.datetimes(timezones=zones), fold=st.integers(0, 1)),
    zones.filter(lambda zone: zone is not None),
)
ranges = st.builds(range, st.integers(), st.integers(), st.integers(1))
numpy_scalars = st.one_of(
    st.builds(np.float64, st.floats()),
    st.builds(np.float32, st.floats(width=32)),
    st.builds(np.float16, st.floats(width=16)),
    st.builds(np.complex64, st.complex_numbers(width=64)),
    st.builds(np.int8, st.integers(-128, 127)),
    st.builds(np.uint64, st.integers(0, (1 << 64) - 1)),
    st.builds(np.bool_, st.booleans()),
    st.builds(np.str_, texts),
    st.builds(np.bytes_, st.binary(max_size=4)),
    st.builds(np.datetime64, st.dates()),
    st.sampled_from([np.datetime64("NaT"), np.timedelta64(3, "25s"), np.longdouble("0.1")]),
)
singles = st.sampled_from([None, True, False, Ellipsis, NotImplemented])
plain = st.one_of(singles, numbers, texts, st.binary(max_size=8))
scalars = st.one_of(plain, exact, dates, ranges, numpy_scalars, st.binary(max_size=8).map(bytearray))
keys = st.recursive(
    st.one_of(plain, st.fractions(), st.dates(), st.datetimes(), ranges),
    lambda inner: st.one_of(st.lists(inner, max_size=3).map(tuple), st.frozensets(inner, max_size=4)),
    max_leaves=4,
)
array_items = st.lists(st.floats(), max_size=6)
numpy_arrays = st.one_of(
    array_items.map(np.array),
    array_items.map(lambda items: np.array(items, dtype=object)),
    st.lists(st.integers(-9, 9), min_size=4, max_size=4).map(lambda items: np.array(items, "i2").reshape(2, 1, 2)),
    st.lists(st.text("ab", min_size=1, max_size=3), min_size=1, max_size=3).map(np.array),
    st.just(np.zeros((0, 3), dtype="f4")),
    st.just(np.array(["2020-01-01"], dtype="M8[D]")),
)


def object_array(items: list[Any]) -> Any:
    """Return an array of these objects, of which numpy writes out none."""
    array = np.empty(len(items), dtype=object)
    for at, item in enumerate(items):
        array[at] = item
    return array


def collections_of(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Return every collection the codec names, with items from `inner`."""
    items, dicts = st.lists(inner, max_size=4), st.dictionaries(keys, inner, max_size=4)
    return st.one_of(
        items,
        items.map(tuple),
        items.map(collections.deque),
        items.map(lambda items: collections.deque(items, maxlen=len(items) + 1)),
        st.sets(keys, max_size=5),
        st.frozensets(keys, max_size=5),
        dicts,
        dicts.map(collections.OrderedDict),
        dicts.map(lambda pairs: collections.defaultdict(None, pairs)),
        st.dictionaries(keys, st.integers(), max_size=4).map(collections.Counter),
        dicts.map(lambda pairs: pairs.keys()),
        dicts.map(lambda pairs: pairs.values()),
        dicts.map(lambda pairs: pairs.items()),
        st.builds(slice, inner, inner, inner),
        items.map(object_array),
    )


values = st.recursive(st.one_of(scalars, numpy_arrays), collections_of, max_leaves=8)


def shape(value: Any) -> Any:
    """Return types and values, told apart where `==` does not: 1 and True, 0.0 and -0.0, NaN, fold, maxlen."""
    kind = type(value)
    if isinstance(value, np.ndarray):
        items = shape(value.tolist()) if value.dtype.kind == "O" else value.tobytes()
        return kind, value.dtype.str, value.shape, items
    if isinstance(value, np.generic):
        # numpy has two types of eight bytes under one name of a type
        return kind, value.dtype.str, str(value) if value.dtype.kind in "US" else value.tobytes()
    if isinstance(value, dict):
        return kind, [(shape(key), shape(item)) for key, item in value.items()]
    if isinstance(value, set | frozenset) or kind is type({}.keys()):
        return kind, sorted(repr(shape(item)) for item in value)
    if kind is collections.deque:
        return kind, value.maxlen, [shape(item) for item in value]
    if isinstance(value, list | tuple | type({}.values()) | type({}.items())):
        return kind, [shape(item) for item in value]
    if kind is slice:
        return kind, [shape(item) for item in (value.start, value.stop, value.step)]
    return kind, value if kind is int else repr(value)  # int: of more digits than repr writes


def same_pandas(arrived: Any, value: Any) -> None:
    """Expect two values of pandas to be the same to the type of every column and label."""
    assert type(arrived) is type(value)
    if isinstance(value, pd.DataFrame):
        pd.testing.assert_frame_equal(
            arrived, value, check_exact=True, check_index_type="exact", check_column_type="exact"
        )
    elif isinstance(value, pd.Series):
        pd.testing.assert_series_equal(arrived, value, check_exact=True, check_index_type="exact")
    elif isinstance(value, pd.Index):
        pd.testing.assert_index_equal(arrived, value, exact=True)
    else:
        assert repr(arrived) == repr(value)


def tables_of_every_kind() -> list[Any]:
    """Return a value for each kind of column, index and scalar."""
    dates = pd.date_range("2020-01-01", periods=3, freq="D", tz=BERLIN)
    texts = pd.array(["x", None, "z"], dtype="string")
    return [
        pd.DataFrame({"a": [1, 2], "b": ["x", None], "c": [1.5, np.nan]}, index=["p", "q"]),
        pd.DataFrame([[1, 2.0, "x"]], columns=pd.MultiIndex.from_tuples([("u", 1), ("u", 2), ("v", 1)])),
        pd.DataFrame({"when": dates, "which": pd.Categorical(["b", "a", "b"], ordered=True, categories=["b", "a"])}),
        pd.DataFrame({"i": pd.array([1, None], dtype="Int8"), "f": pd.array([0.5, None], dtype="Float32")}),
        pd.DataFrame([[1, 2], [3, 4]], columns=["same", "same"], index=[0, 0]),
        pd.DataFrame(index=[1, 2]),
        pd.DataFrame(columns=["a"]),
        pd.DataFrame(),
        pd.Series(texts, name=("tuple", 1)),
        pd.Series(["x", "y"], dtype=object),
        pd.Series(["x", np.nan]),
        pd.Series(pd.array(["x", None], dtype=pd.StringDtype("python"))),
        pd.Series([True, None], dtype="boolean"),
        pd.Series([[1], (2,), None, pd.NaT, pd.NA]),
        pd.Series(pd.period_range("2020", periods=2, freq="M")),
        pd.Series(pd.interval_range(0, 2)),
        pd.Series(pd.interval_range(dates[0], periods=2)),
        dates,
        dates[::2],
        pd.to_timedelta([1, 2], "s"),
        pd.interval_range(0, 2, closed="left", name="between"),
        pd.period_range("2020", periods=2, freq="2D"),
        pd.RangeIndex(1, 9, 2, name="range"),
        pd.Index([1.5, 2]),
        pd.Index([1, 2], dtype="uint64"),
        pd.Index(["a", "b"], name="text"),
        pd.Index(["a", "b"], dtype=object),
        pd.Index([1, "b", (2, 3)]),
        pd.CategoricalIndex(["a", "b"], name="kind"),
        pd.MultiIndex.from_product([[1, 2], dates], names=["n", None]),
        pd.NaT,
        pd.NA,
        pd.Timedelta("1D"),
        pd.Period("2020-01", "M"),
        pd.Interval(0, 1.5, closed="left"),
        pd.Interval(dates[0], dates[1]),
    ]
