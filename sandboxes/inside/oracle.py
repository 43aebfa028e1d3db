"""Does a returned value agree with the expected one? The comparison rules of EvalPlus.

From evalplus 0.3.1, evalplus/eval/__init__.py and _special_oracle.py (Apache-2.0). Runs where the expected
values are; values come from `codec`, so that `==` runs no candidate's code.

Kept from upstream on purpose: once an expected value of floats was met, its tolerance stays for the later
inputs of that part; types must match only where `==` fails.
"""

import math
from typing import Any, Callable, Dict, List, Tuple

from . import calls, codec, digests, records
from .precision import widen

FLOAT_ATOL = 1e-6
RTOL = 1e-7
LONG_RANGE = 1_000_000
"""Items of a range that is close to no expected value."""
SCALARS = (type(None), bool, int, float, complex, str, bytes)
"""Values of these types that are small equal no large one."""
Result = Tuple[str, str]


def _root_of_polynomial(out: Any, expected: Any, arguments: List[Any], atol: float) -> bool:
    coefficients = arguments[0]  # `math.pow` computes in 64 bits whatever `out` is
    return bool(abs(sum(c * math.pow(out, power) for power, c in enumerate(coefficients))) <= atol)


def _surface_of_pyramid(out: Any, expected: Any, arguments: List[Any], atol: float) -> bool:
    """Solve Mbpp/581, with "height" read as the perpendicular one."""
    edge, height = arguments
    other = round(edge**2 + 2 * edge * math.sqrt((edge / 2) ** 2 + height**2))
    out = widen(out)
    # not abs(): that of numpy's smallest integer is negative
    return bool(out == expected or -atol <= out - other <= atol)


def _digit_distance(out: Any, expected: Any, arguments: List[Any], atol: float) -> bool:
    """Solve Mbpp/558, with the shorter number padded by zeros."""
    first, second = (str(number) for number in arguments)
    width = max(len(first), len(second))
    out = widen(out)
    pairs = zip(first.zfill(width), second.zfill(width))
    return bool(out == expected or out == sum(abs(int(a) - int(b)) for a, b in pairs))


def _equal(out: Any, expected: Any, arguments: List[Any], atol: float) -> bool:
    result: bool = widen(out) == widen(expected)  # or an array, which may be one truth value or raise
    return result


def _equal_or_zero(out: Any, expected: Any, arguments: List[Any], atol: float) -> bool:
    return widen(out) in (widen(expected), 0)


def _equal_but_for_tuple(out: Any, expected: Any, arguments: List[Any], atol: float) -> bool:
    """Compare as LiveCodeBench does: the outermost tuple is as good as a list, and floats have no tolerance."""
    return bool((list(out) if type(out) is tuple else out) == expected)


def _same_set(out: Any, expected: Any, arguments: List[Any], atol: float) -> bool:
    if type(out) is range and out[len(expected) :]:  # its set may be larger than memory, its length than an int
        return False
    return set(widen(out)) == set(widen(expected))


def _not_none(out: Any, expected: Any, arguments: List[Any], atol: float) -> bool:
    return bool(out == expected) if isinstance(out, bool) else bool(expected == (out is not None))


Check = Callable[[Any, Any, List[Any], float], bool]
FINAL: Dict[str, Check] = {
    "root_of_polynomial": _root_of_polynomial,
    "equal_but_for_tuple": _equal_but_for_tuple,
}
"""Decide alone."""
EXACT: Dict[str, Check] = {
    "equal": _equal,
    "anything": lambda out, expected, arguments, atol: True,
    "equal_or_zero": _equal_or_zero,
    "surface_of_pyramid": _surface_of_pyramid,
    "digit_distance": _digit_distance,
    "same_set": _same_set,
    "not_none": _not_none,
}
"""Decide whether a value is exactly right; floats may still be close enough."""
NEED_INPUTS = ("root_of_polynomial", "surface_of_pyramid", "digit_distance")


class Judge:
    """Compares the values of one part in order.

    `rule` holds the `oracle`'s name and the row's `atol`; `expected` is what the reference's calls reported. Values of
    which there are only digests, and these differ, may still be equal (1 and 1.0): their numbers are kept in `unsure`.
    Once there is one, no later value is compared: the tolerance may hang on it.
    """

    def __init__(self, rule: Dict[str, Any], expected: "Expected", inputs: List[Any]) -> None:
        self.oracle = rule["oracle"]
        self.atol = rule["atol"]
        self.unsure: List[int] = []
        self.opaque: List[str] = []
        self._expected = expected
        self._asked_in_full = frozenset(rule["reveal"])
        self._inputs = inputs or [[]] * len(expected.values)

    def __len__(self) -> int:
        return len(self._expected.values)

    def check(self, index: int, out: Any, expected: Any) -> None:
        """Raise AssertionError if `out` is not right, and whatever comparing it raises."""
        if self.oracle == "not_none":
            expected = expected is not None
        arguments = self._inputs[index]
        if self.oracle in FINAL:
            assert FINAL[self.oracle](out, expected, arguments, self.atol)
            return
        exact = EXACT[self.oracle](out, expected, arguments, self.atol)
        if self.atol == 0 and _floats(expected):
            self.atol = FLOAT_ATOL
        if exact or self.atol == 0:
            assert exact
            return
        assert type(out) is type(expected)
        if isinstance(expected, (list, tuple)):
            assert len(out) == len(expected)
        assert _close(out, expected, self.atol)

    def __call__(self, index: int, out: Any, full: Any = None) -> None:
        """Compare a value, or note that it is needed in full; `full` is the one behind a digest, where it was told.

        Raises:
            calls.Wrong: it is not right; names input, expected and got.
        """
        expected = self._expected.values[index]
        if type(out) is digests.Digest or type(expected) is digests.Digest:
            if self.oracle == "equal" and _digest(out) == _digest(expected):
                return
            if type(out) is not digests.Digest:
                full = out
                if self.oracle == "equal" and (self.opaque or type(out) in SCALARS):
                    raise calls.Wrong("input %d: expected a larger value, got %s" % (index, show(out)))
            expected = self._expected.full(index)
            if expected is None or (full is None and type(out) is digests.Digest):
                self._need(index)
                return
            out = full
        if self.unsure:
            return
        try:
            self.check(index, out, expected)
        except Exception:  # noqa: BLE001 - a value that cannot be compared is a wrong one
            message = "input %d: expected %s, got %s" % (index, show(expected), show(out))
            raise calls.Wrong(message) from None

    def _need(self, index: int) -> None:
        if index in self._asked_in_full:
            raise calls.Wrong("input %d: another value than the expected one, which is too large to carry" % index)
        self.unsure.append(index)


class Expected:
    """Report of a reference's calls: values, or digests of large ones and what is behind those."""

    def __init__(self, report: records.Report) -> None:
        self.values = [codec.decode(data) for data in report.values]
        self._revealed = report.revealed

    def full(self, index: int) -> Any:
        """Return the value of a call, or None if there is only its digest."""
        value = self.values[index]
        if type(value) is not digests.Digest:
            return value
        data = self._revealed.get(index)
        return None if data is None else codec.decode(data)


def verdict_of_report(judge: Judge, report: records.Report) -> Result:
    """Return (status, detail) of calls from what the candidate's process reported of them.

    The status is "unsure" where values are needed of which there are only digests; `judge.unsure` has them.
    """
    if report.end is None:
        return "tampered", "a report without an end"
    end, detail = report.end
    if end == calls.DONE and len(report.values) != len(judge):
        return "tampered", "a report of %d calls, asked for %d" % (len(report.values), len(judge))
    for index, data in enumerate(report.values):
        try:
            judge(index, codec.decode(data, judge.opaque), _behind(report, index, data))
        except calls.Wrong as error:
            return "wrong_answer", str(error)
        except codec.Damaged as error:
            return "tampered", str(error)
    if judge.unsure:
        return "unsure", ""
    return status_of_end(end, detail), detail


def _behind(report: records.Report, index: int, data: bytes) -> Any:
    """Return the value behind a digest, where the process told it; it must be the one that was digested or told.

    Raises:
        codec.Damaged: it is another.
    """
    revealed = report.revealed.get(index)
    if revealed is None:
        return None
    if len(revealed) <= digests.HUGE_BYTES and data not in (revealed, digests.shorten(revealed)):
        raise codec.Damaged("call %d: another value than before" % index)
    return codec.decode(revealed)


def status_of_end(end: str, detail: str) -> str:
    """Return what the end of a part means where every value up to it is right."""
    if end == calls.BROKEN and detail.startswith(("SyntaxError", "IndentationError", "TabError")):
        return "syntax_error"
    ends = {
        calls.DONE: "passed",
        calls.TOO_LARGE: "output",
        calls.NO_MEMORY: "memory",
        calls.WRONG: "wrong_answer",
    }
    return ends.get(end, "runtime_error")


def show(value: Any) -> str:
    """Return a short repr."""
    try:
        text = repr(value)
    except Exception as error:  # noqa: BLE001 - an int of too many digits, say
        text = "<%s: %s>" % (type(value).__name__, error)
    return text if len(text) <= 300 else text[:297] + "..."


def _digest(value: Any) -> Any:
    return value if type(value) is digests.Digest else codec.decode(digests.encode_or_digest(value))


def _floats(value: Any) -> bool:
    if isinstance(value, (list, tuple)) and value:
        return all(isinstance(item, float) for item in value)
    return isinstance(value, float)


def _close(out: Any, expected: Any, atol: float) -> bool:
    import numpy

    if _has_long_range(out):  # numpy would write it out
        return False
    return bool(numpy.allclose(widen(out), widen(expected), rtol=RTOL, atol=atol))


def _has_long_range(value: Any) -> bool:
    if type(value) is range:
        return bool(value[LONG_RANGE:])
    return type(value) in (list, tuple) and any(map(_has_long_range, value))
