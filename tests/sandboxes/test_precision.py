"""Comparison of narrow floats, which numpy compares in the narrow type, and of huge ranges."""

from __future__ import annotations

import collections
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from harness.sandboxes.inside import calls, codec, oracle, precision, records

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
