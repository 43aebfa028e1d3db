"""Does a returned value agree with the expected one? The comparison rules of EvalPlus.

From evalplus 0.3.1, evalplus/eval/__init__.py and _special_oracle.py (Apache-2.0). Runs where the expected
values are; values come from `codec`, so that `==` runs no candidate's code.

Kept from upstream on purpose: once an expected value of floats was met, its tolerance stays for the later
inputs of that part; types must match only where `==` fails.
"""

import math
from typing import Any, Callable, Dict, List, Tuple

from . import calls, codec, digests, frames

FLOAT_ATOL = 1e-6
RTOL = 1e-7
Result = Tuple[str, str]


def _root_of_polynomial(out: Any, expected: Any, arguments: List[Any], atol: float) -> bool:
    coefficients = arguments[0]
    return bool(abs(sum(c * math.pow(out, power) for power, c in enumerate(coefficients))) <= atol)


def _surface_of_pyramid(out: Any, expected: Any, arguments: List[Any], atol: float) -> bool:
    """Mbpp/581, with "height" read as the perpendicular one."""
    edge, height = arguments
    other = round(edge**2 + 2 * edge * math.sqrt((edge / 2) ** 2 + height**2))
    return bool(out == expected or abs(out - other) <= atol)


def _digit_distance(out: Any, expected: Any, arguments: List[Any], atol: float) -> bool:
    """Mbpp/558, with the shorter number padded by zeros."""
    first, second = (str(number) for number in arguments)
    width = max(len(first), len(second))
    pairs = zip(first.zfill(width), second.zfill(width))
    return bool(out == expected or out == sum(abs(int(a) - int(b)) for a, b in pairs))


def _not_none(out: Any, expected: Any, arguments: List[Any], atol: float) -> bool:
    return bool(out == expected) if isinstance(out, bool) else bool(expected == (out is not None))


Check = Callable[[Any, Any, List[Any], float], bool]
FINAL: Dict[str, Check] = {"root_of_polynomial": _root_of_polynomial}
"""Decide alone."""
EXACT: Dict[str, Check] = {
    "equal": lambda out, expected, arguments, atol: out == expected,
    "anything": lambda out, expected, arguments, atol: True,
    "equal_or_zero": lambda out, expected, arguments, atol: out in (expected, 0),
    "surface_of_pyramid": _surface_of_pyramid,
    "digit_distance": _digit_distance,
    "same_set": lambda out, expected, arguments, atol: set(out) == set(expected),
    "not_none": _not_none,
}
"""Decide whether a value is exactly right; floats may still be close enough."""
NEED_INPUTS = ("root_of_polynomial", "surface_of_pyramid", "digit_distance")


class Judge:
    """Compares the values of one part in order.

    `rule` holds the `oracle`'s name and the row's `atol`; `expected` are the values of the reference's calls (see
    `calls.Collector.report`); `revealed` are the calls whose values were told as far as they can be.
    """

    def __init__(self, rule: Dict[str, Any], expected: List[Any], inputs: List[Any], revealed: List[int]) -> None:
        oracle, atol = rule["oracle"], rule["atol"]
        self.revealed = revealed
        self.oracle = oracle
        self.atol = atol
        self.expected = expected
        if oracle == "not_none":
            self.expected = [value is not None for value in self.expected]
        self.inputs = inputs or [[]] * len(self.expected)

    def check(self, index: int, out: Any) -> None:
        """Raises AssertionError where `out` is not right, and whatever comparing it raises."""
        expected, arguments = self.expected[index], self.inputs[index]
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

    def __call__(self, index: int, out: Any) -> None:
        """As `check`, but a failure of any kind is `calls.Wrong`, naming input, expected and got."""
        if type(out) is digests.Digest or type(self.expected[index]) is digests.Digest:
            # a value that is small is no digest, and equals none
            if self.oracle == "equal" and _digest(out) == _digest(self.expected[index]):
                return
            if index not in self.revealed:
                raise calls.Unsure(index)
            raise calls.Wrong("input %d: another value than the expected one, which is too large to carry" % index)
        try:
            self.check(index, out)
        except Exception:  # noqa: BLE001 - a value that cannot be compared is a wrong one
            message = "input %d: expected %s, got %s" % (index, show(self.expected[index]), show(out))
            raise calls.Wrong(message) from None


def verdict_of_report(judge: Judge, report: bytes, opaque: List[str]) -> Result:
    """(status, detail) of calls from what the candidate's process reported of them.

    What of it could not be carried is named in `opaque`.

    Raises:
        codec.Damaged, frames.FrameError: the report is not one that `calls` makes.
        calls.Unsure: a value is needed of which there is only a digest.
    """
    chunks = frames.chunks(report)
    if len(chunks) != 3:
        raise codec.Damaged("not a report of calls")
    how, values = codec.decode(chunks[0]), codec.decode(chunks[2], opaque)
    if type(how) is not tuple or [type(field) for field in how] != [str, str] or type(values) is not list:
        raise codec.Damaged("not a report of calls")
    end, detail = how
    asked = len(judge.expected)
    if len(values) > asked or (end == calls.DONE and len(values) != asked):
        raise codec.Damaged("a report of %d calls, asked for %d" % (len(values), asked))
    for index, value in enumerate(values):
        try:
            judge(index, value)
        except calls.Wrong as error:
            return "wrong_answer", str(error)
    return status_of_end(end, detail), detail


def status_of_end(end: str, detail: str) -> str:
    """What the end of a part means where every value up to it is right."""
    if end == calls.BROKEN and detail.startswith(("SyntaxError", "IndentationError", "TabError")):
        return "syntax_error"
    ends = {
        calls.DONE: "passed",
        calls.SLOW: "timeout",
        calls.TOO_LARGE: "output",
        calls.NO_MEMORY: "memory",
        calls.WRONG: "wrong_answer",
    }
    return ends.get(end, "runtime_error")


def show(value: Any) -> str:
    """A short repr."""
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

    return bool(numpy.allclose(out, expected, rtol=RTOL, atol=atol))
