"""Values across the boundary: what the codec carries arrives as it was, and hostile bytes or classes change nothing."""

from __future__ import annotations

import collections
import contextlib
import datetime
import decimal
import enum
import fractions
import math
import random
import zoneinfo
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from harness.sandboxes.inside import arrays, calls, codec, oracle, precision, records, tables

BOUNDED = settings(deadline=None, max_examples=200, suppress_health_check=[HealthCheck.too_slow], database=None)
IMPORTED = (arrays, tables)
"""They register what they carry."""

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
        items.map(lambda items: np.array([*items, None], dtype=object)[:0]),
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


@BOUNDED
@given(values)
@example(
    [10**5000, -(10**5000), 1 << 63, -(1 << 63), -0.0, complex(-0.0, math.nan), "\ud800", np.str_(""), np.bytes_(b"")]
)
@example({frozenset([1, (2, "x")]): collections.deque([1, 2], maxlen=2)})
@example([range(1 << 70), slice(None, 1.5, "x"), datetime.UTC, datetime.time(1, fold=1)])
def test_a_value_arrives_as_it_was(value: Any) -> None:
    """Every type the codec names, nested, with its type, as an answer and as an argument; then to the same bytes."""
    for arguments in (False, True):
        names: list[str] = []
        data = codec.encode(value, opaque=names, arguments=arguments)
        arrived = codec.decode(data, names)

        assert set(names) <= {"a set whose order cannot be carried"}
        assert shape(arrived) == shape(value)
        if not names:
            assert codec.encode(arrived, arguments=arguments) == data


@BOUNDED
@given(values, st.data())
@example(b"y\x00\x00\x00\x06sparset\x00\x00\x00\x00", None)
def test_damaged_bytes_are_damaged(value: Any, data: Any) -> None:
    """Whatever is done to the bytes: a value comes out, or `Damaged`, which alone is a verdict."""
    damaged = bytearray(value if data is None else codec.encode(value))
    for _ in range(data.draw(st.integers(1, 4)) if data else 0):
        at = data.draw(st.integers(0, max(0, len(damaged) - 1)))
        piece = data.draw(st.one_of(st.binary(max_size=3), st.sampled_from(FRAGMENTS)))
        damaged[at : at + data.draw(st.integers(0, 4))] = piece
    with contextlib.suppress(codec.Damaged, MemoryError):
        codec.decode(bytes(damaged))


def part(tag: bytes, name: str, *parts: Any) -> bytes:
    """Return the bytes that claim to be a value `name` made of `parts`."""
    return tag + len(name).to_bytes(4, "big") + name.encode() + codec.encode(parts)


NAMES = [(b"x", name.decode()) for name in codec.STANDARD_TYPES] + [
    (b"y", name.decode()) for name in codec.FOREIGN_TYPES
]
FRAGMENTS = [*codec.READERS, *(part(tag, name) for tag, name in NAMES), b"\xff\xff\xff\xff", b"\x00\x00\x00\x00"]


@BOUNDED
@given(st.sampled_from(NAMES), st.lists(st.one_of(values, st.just("O"), st.just("<U0")), max_size=4))
def test_parts_that_make_no_value_are_damaged(name: tuple[bytes, str], parts: list[Any]) -> None:
    """A maker is given whatever the bytes say."""
    with contextlib.suppress(codec.Damaged, MemoryError):
        codec.decode(part(*name, *parts))


@pytest.mark.parametrize(
    "data",
    [
        part(b"y", "estimator", "sklearn.none", "Nothing", {}),
        part(b"y", "estimator", "os", "system", {}),
        part(b"y", "tensor", "torch.nothing", (1,), False, b""),
        part(b"y", "timestamp", 0, "pytz", "Nowhere"),
        part(b"y", "zone", "../../etc/passwd"),
        part(b"y", "zone", "No/Where"),
        part(b"y", "scalar", "O", b"12345678"),
        part(b"y", "array", "<i4", (1 << 70,), b""),
        part(b"y", "array", "i4,i4", (1,), b"12345678"),
        part(b"y", "sparse", "csr_matrix", (2, 2), (np.ones(1), np.array([9]), np.array([0, 1, 1]))),
        part(b"x", "Fraction", "1e999999999", 1),
        part(b"x", "Fraction", 1, 0),
        part(b"x", "deque", [1], "x"),
        part(b"x", "datetime", 2020, 1, 1, 0, 0, 0, 0, "UTC", 0),
        part(b"x", "slice"),
        b"d\x00\x00\x00\x01N",
        b"l\xff\xff\xff\xff",
        b"l\x00\x00\x00\x01" * 300 + b"N",
        b"i\x00",
        b"s\x00\x00\x00\x01\xff",
        b"NN",
        b"",
        b"?",
    ],
)
def test_bytes_that_encode_never_writes_are_damaged(data: bytes) -> None:
    """Each is one way of being no value: the library is missing, the parts do not fit, the bytes end early."""
    with pytest.raises(codec.Damaged):
        codec.decode(data)


class _Liar(type):
    """Claims to be int and to have no bases."""

    __mro__ = (object,)  # type: ignore[assignment]
    __name__ = "int"

    def __hash__(cls) -> int:
        return hash(int)

    def __eq__(cls, other: object) -> bool:
        return True

    def __subclasscheck__(cls, other: object) -> bool:
        return True

    def __instancecheck__(cls, other: object) -> bool:
        return True


def overriding(base: type, metaclass: type = type) -> Any:
    """Return a subclass of `base` all of whose ways to be read, compared or converted answer something else."""

    def wrong(*_: Any, **__: Any) -> Any:
        return 77

    own = {name: wrong for name in dir(base) if name not in KEPT}
    return metaclass("Own", (base,), {**own, "__class__": property(lambda _: int)})


KEPT = {"__new__", "__init__", "__class__", "__getattribute__", "__init_subclass__", "__setattr__", "__doc__"}
KEPT |= {"__subclasshook__", "__class_getitem__", "__delattr__", "append", "extend", "update", "maxlen", "__setitem__"}
KEPT |= {"_numerator", "_denominator", "__missing__", "__slots__", "__abstractmethods__", "_abc_impl", "keys"}
WHEN = datetime.datetime(2020, 2, 3, 4, 5, 6, 7, datetime.timezone(datetime.timedelta(hours=1)), fold=1)


@pytest.mark.parametrize("metaclass", [type, _Liar])
@pytest.mark.parametrize(
    ("base", "arguments"),
    [
        (int, (5,)),
        (int, (1 << 80,)),
        (float, (2.5,)),
        (complex, (1, -0.0)),
        (str, ("x\ud800",)),
        (bytes, (b"x",)),
        (bytearray, (b"x",)),
        (list, ([1, 2],)),
        (tuple, ([1, 2],)),
        (set, ([1, 2],)),
        (frozenset, ([1, 2],)),
        (dict, ({"a": 1},)),
        (collections.deque, ([1, 2], 3)),
        (collections.defaultdict, (None, {"a": 1})),
        (decimal.Decimal, ("1.50",)),
        (datetime.date, (2020, 1, 2)),
        (datetime.time, (1, 2, 3, 4, datetime.UTC)),
        (datetime.timedelta, (1, 2, 3)),
        (datetime.datetime, (2020, 2, 3, 4, 5, 6, 7, WHEN.tzinfo)),
        (np.float64, (2.5,)),
        (np.str_, ("x",)),
    ],
)
def test_an_own_subclass_is_carried_as_its_base_value(base: Any, arguments: Any, metaclass: type) -> None:
    """Read by the methods of the base type, whatever the class or its metaclass overrides."""
    names: list[str] = []
    own = overriding(base, metaclass)(*arguments)
    assert type(own) is not base

    arrived = codec.decode(codec.encode([own], opaque=names))

    plain_base = {np.float64: float, np.str_: str}.get(base, base)
    assert shape(arrived) == shape([plain_base(*arguments)])
    assert names == []


def test_subclasses_written_in_python_are_carried_as_their_base_values() -> None:
    """Those whose own constructors call overridable methods keep these here."""

    class Count(collections.Counter[str]):
        def items(self) -> Any:
            return [("x", 77)]

    class Ordered(collections.OrderedDict[str, int]):
        __iter__ = keys = items = None  # type: ignore[assignment]

    class Half(fractions.Fraction):
        numerator = property(lambda self: 77)  # type: ignore[assignment]

    class Mapped(map):  # type: ignore[type-arg]
        def __iter__(self) -> Any:
            return iter([77])

    class Pair(collections.namedtuple("Pair", "a b")):
        def __eq__(self, other: object) -> bool:
            return True

        __hash__ = None  # type: ignore[assignment]

    class Color(enum.IntEnum):
        RED = 3

    class Word(enum.StrEnum):
        ONE = "one"

    values = [Count("aab"), Ordered(a=1), Half(1, 2), Pair(1, 2), Color.RED, Word.ONE]

    arrived = codec.decode(codec.encode(values))

    expected = [collections.Counter("aab"), collections.OrderedDict(a=1), fractions.Fraction(1, 2), (1, 2), 3, "one"]
    assert shape(arrived) == shape(expected)
    assert list(codec.decode(codec.encode(Mapped(str, [1, 2])))) == ["1", "2"]


def test_other_own_classes_are_opaque_and_named() -> None:
    """By at most so many characters, whoever made the bytes."""

    class Plain(enum.Enum):
        A = 1

    class Zone(datetime.tzinfo):
        def utcoffset(self, _: object) -> datetime.timedelta:
            return datetime.timedelta(0)

    long_name = type("L" * 100_000, (), {"__class__": property(lambda self: int)})
    for value in (Plain.A, long_name(), _Liar("Liar", (), {})(), WHEN.replace(tzinfo=Zone()), {Plain.A}, {Plain.A: 1}):
        names: list[str] = []
        arrived = codec.decode(codec.encode([value], opaque=names))
        assert type(arrived[0]) is codec.Opaque and arrived[0] != arrived[0]
        assert len(names) == 1 and len(names[0]) <= 200

    names = []
    codec.decode(b"o\x00\x01\x00\x00" + b"x" * (1 << 16), names)
    assert [len(name) for name in names] == [200]


@pytest.mark.parametrize("depth", [150, 180, 195, 199, 200, 201, 1000])
@pytest.mark.parametrize("inner", [datetime.date(2020, 1, 1), np.float64(1), 5, {1: [2]}, (1,)])
def test_a_deep_value_is_carried_or_opaque(depth: int, inner: Any) -> None:
    """Never bytes that the other side calls damaged."""
    value = inner
    for _ in range(depth):
        value = [value]
    names: list[str] = []

    arrived = codec.decode(codec.encode(value, opaque=names))

    for _ in range(min(depth, 150)):
        (arrived,) = arrived
    limits = {datetime.date: 184, np.float64: 184, int: 200, dict: 198, tuple: 199}
    assert set(names) == ({"a value nested too deep"} if depth > limits[type(inner)] else set())


def random_sets(count: int) -> list[set[int]]:
    """Return sets of random integers, made by adds and discards."""
    rng = random.Random(7)
    sets = []
    for _ in range(count):
        made: set[int] = set()
        for _ in range(rng.randrange(40)):
            made.add(rng.randrange(rng.choice((50, 1000, 1 << 70))))
            if made and rng.random() < 0.2:
                made.discard(rng.choice(list(made)))
        sets.append(made)
    return sets


@pytest.mark.parametrize("kind", [set, frozenset])
def test_a_set_among_arguments_iterates_as_it_did(kind: Callable[[Any], Any]) -> None:
    """Or it is named; so does one inside another."""
    carried = 0
    for made in map(kind, random_sets(3000)):
        for value in (made, {"x": [made]}, {frozenset(made), 1}):
            names: list[str] = []
            arrived = codec.decode(codec.encode(value, opaque=names, arguments=True))
            if not names:
                assert order(arrived) == order(value)
                carried += 1
    assert carried > 4000

    literal = {12, 13, 14, 15, 16}
    assert tuple(codec.decode(codec.encode(literal, arguments=True))) == tuple(literal)


def order(value: Any) -> Any:
    """Return the items of sets as they iterate."""
    if isinstance(value, dict):
        return order(list(value.values()))
    return [order(item) for item in value] if isinstance(value, list | set | frozenset) else value


def test_answers_of_equal_sets_are_equal_bytes() -> None:
    """However they were made."""
    for made in random_sets(200):
        items = list(made)
        random.Random(3).shuffle(items)
        assert codec.encode(made) == codec.encode(set(items))


WIDE = [
    (np.float16("inf"), 70000),
    (np.float16("inf"), 1e6),
    (np.float16("inf"), 1e300),
    (np.float32("inf"), 1e300),
    (np.float16(0.1), 0.1),
    (np.float32(0.1), 0.1),
    (np.float32(1 << 24), (1 << 24) + 1),
    (np.float16(2048), 2049),
    (np.complex64(0.1), 0.1 + 0j),
]


@pytest.mark.filterwarnings("ignore:overflow encountered:RuntimeWarning")
@pytest.mark.parametrize("rule", ["equal", "same_set", "equal_or_zero", "surface_of_pyramid", "digit_distance"])
@pytest.mark.parametrize(("out", "expected"), WIDE)
def test_a_narrow_float_is_compared_in_the_wide_type(rule: str, out: Any, expected: Any) -> None:
    """A wrong one fails and a right one passes, alone and inside collections."""
    inputs = {"surface_of_pyramid": [1, 1], "digit_distance": [1, 1]}.get(rule, [])
    wrap: list[Callable[[Any], Any]] = [lambda x: [x], lambda x: (1, [x]), lambda x: {"a": x}, lambda x: {x}]
    wrap += [lambda x: {x: 1}, lambda x: collections.deque([x]), lambda x: np.array([x])]
    if rule == "same_set":
        wrap = [lambda x: [x], lambda x: (x, x), lambda x: {x}, lambda x: [(x,)]]
    else:
        wrap.append(lambda x: x)
    for make in wrap:
        assert not passes(rule, make(out), make(expected), inputs)
        assert passes(rule, make(np.float32(0.5)), make(0.5), inputs)


def passes(rule: str, out: Any, expected: Any, inputs: list[Any]) -> bool:
    """Return whether `out` is right; one that cannot be compared is wrong."""
    try:
        return oracle.EXACT[rule](out, expected, inputs, 0)
    except (TypeError, ValueError):
        return False


def judge_of(expected: list[Any]) -> oracle.Judge:
    """Return what compares values with those that a reference reported."""
    report = records.Report()
    report.values = [codec.encode(value) for value in expected]
    return oracle.Judge({"oracle": "equal", "atol": 1e-6, "reveal": []}, oracle.Expected(report), [])


def test_plain_values_are_not_copied_to_be_compared() -> None:
    """Only what holds a narrow float is made anew."""
    for value in (1.5, "x", [1, [2.5, (None, {"a": {1}})]], [np.float64(1), np.int8(1), np.zeros(2)]):
        assert precision.widen(value) is value


@pytest.mark.filterwarnings("ignore:overflow encountered:RuntimeWarning")
@pytest.mark.parametrize(("out", "expected"), WIDE[:4])
def test_closeness_is_computed_in_the_wide_type(out: Any, expected: Any) -> None:
    """Infinity is close to nothing finite."""
    judge = judge_of([[float(expected)], [0.5, 0.25]])

    with pytest.raises(calls.Wrong):
        judge(0, [out])
    judge(1, [np.float32(0.5), np.float16(0.25)])


@pytest.mark.parametrize("out", [math.inf, np.float16(0.1), np.float32(2.5)])
def test_a_root_is_computed_in_the_wide_type(out: Any) -> None:
    """Of 10 x - 1, to which 0.1 in 16 bits is no root."""
    assert not oracle.FINAL["root_of_polynomial"](out, None, [[-1, 10]], 1e-6)
    assert oracle.FINAL["root_of_polynomial"](np.float32(0.5), None, [[-1, 2]], 1e-6)


def test_the_smallest_integer_is_close_to_nothing() -> None:
    """Its absolute value is negative in numpy."""
    expected = 2  # round(0 + 0) of the other reading is 0
    for out in (np.int8(-128), np.int64(-(1 << 63)), np.array([-128], "i1")):
        assert not oracle.EXACT["surface_of_pyramid"](out, expected, [0, 0], 1e-6)


@pytest.mark.parametrize("out", [range(10**12), range(10**30), range(0, -(10**30), -1)])
def test_a_huge_range_is_a_quick_wrong_answer(out: Any) -> None:
    """It arrives in a few bytes, and its items would not fit into memory."""
    arrived = codec.decode(codec.encode(out))

    assert not oracle.EXACT["same_set"](arrived, [1, 2], [], 0)
    assert oracle.EXACT["same_set"](range(3), [2, 1, 0, 0], [], 0)
    judge = judge_of([[1.0]])
    with pytest.raises(calls.Wrong):
        judge(0, [arrived])
