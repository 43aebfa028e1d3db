"""The screening program: calls functions with the tests of problems and tells which pairs look right.

It is sent to the sandbox as text. Its tests are cut after a few calls or taken whole, never made stricter, so that
what a benchmark's own trial would pass passes here as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..sandboxes.judges.kind import Screening
from ..types import Outcome, Status
from .callables import Function

CALL_S = 1.0
"""Seconds of CPU time that one function may take for one problem's tests; four times as many by the clock."""
PATIENT = 5
"""Late answers after which a function gets a tenth of the time for each further problem."""
MOST_LATE = 50
"""Late answers in one program after which a function is left alone."""
CALLS = 3
"""How many calls of a problem are tried where it is judged by calls."""
LONGEST = 4000
"""Characters of a call's arguments over which it is left out."""
MOST_PAIRS = 200
"""Pairs that one program tells of; what the sandbox brings back is short."""

NAIVE = tuple(
    Function(row_id=name, program=f"def naive(*values):\n    return {body}\n", expression="naive", arguments=(0, 99))
    for name, body in {
        "none": "None",
        "true": "True",
        "false": "False",
        "zero": "0",
        "one": "1",
        "empty text": "''",
        "empty list": "[]",
        "first": "values[0]",
        "last": "values[-1]",
        "length": "len(values[0])",
        "truth": "bool(values[0])",
        "text": "str(values[0])",
        "sorted": "sorted(values[0])",
        "sum": "sum(values[0])",
        "largest": "max(*values)",
    }.items()
)
"""What solves a problem without any thought; a problem that one of these solves tells nothing."""

HEAD = '''
import contextlib, io, math, signal

class _Late(BaseException):
    pass

def _late(*_):
    raise _Late()

def _alike(found, expected):
    if found == expected:
        return True
    if isinstance(expected, (int, float, complex)) and isinstance(found, (int, float, complex)):
        return abs(found - expected) <= 1e-3 * max(1.0, abs(expected))
    if isinstance(expected, (list, tuple, set, frozenset)) and isinstance(found, (list, tuple, set, frozenset)):
        if len(found) == len(expected) and all(map(_alike, found, expected)):
            return True
        return sorted(map(repr, set(map(repr, found)))) == sorted(map(repr, set(map(repr, expected))))
    return False

def _call_tests(reference, name, inputs, loose):
    expected = []
    def run(names):
        if not expected:
            known = {}
            exec(reference, known)
            expected.extend(known[name](*_copied(arguments)) for arguments in inputs)
        for arguments, right in zip(inputs, expected):
            found = names[name](*_copied(arguments))
            assert loose or _alike(found, right)
    return run

def _copied(value):
    import copy
    return copy.deepcopy(value)

def _assert_tests(text):
    code = compile(text, "<tests>", "exec")
    def run(names):
        exec(code, names)
    return run

@contextlib.contextmanager
def _limited(seconds):
    signal.setitimer(signal.ITIMER_PROF, seconds)
    signal.setitimer(signal.ITIMER_REAL, 4 * seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.setitimer(signal.ITIMER_REAL, 0)

def _looks_right(names, expression, name, run, seconds):
    """Whether the tests pass; None where they took too long."""
    try:
        with _limited(seconds):
            names = dict(names)
            names[name] = eval(expression, names)
            run(names)
        return True
    except _Late:
        return None
    except BaseException:
        return False

def _defined(program):
    names = {}
    try:
        with _limited(CALL_S):
            exec(program, names)
    except BaseException:
        pass
    return names

def _solved_by(program, expression, least, most):
    names = _defined(program)
    late = 0
    for number, (name, arity, run) in enumerate(PROBES):
        if (least <= arity <= most or arity < 0) and late < MOST_LATE:
            right = _looks_right(names, expression, name, run, CALL_S if late < PATIENT else CALL_S / 10)
            late += right is None
            if right:
                yield number

def solved():
    signal.signal(signal.SIGALRM, _late)
    signal.signal(signal.SIGPROF, _late)
    found = []
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        for one, function in enumerate(FUNCTIONS):
            found.extend("%d:%d" % (one, other) for other in _solved_by(*function))
    return "solved " + " ".join(found) if found else ""
'''


@dataclass(frozen=True, slots=True)
class Probe:
    """A problem's tests as an expression of the screening program."""

    name: str
    arity: int
    """How many arguments the tests give; -1 where that does not show."""
    expression: str


def build_probe(tests: Screening) -> Probe | None:
    """Return a problem's screening tests as an expression; None if all its calls are too long to send."""
    if tests.tests:
        return Probe(tests.name, -1, f"_assert_tests({tests.tests!r})")
    short = [list(given) for given in tests.inputs[:50] if len(repr(given)) <= LONGEST][:CALLS]
    if not short:
        return None
    expression = f"_call_tests({tests.reference!r}, {tests.name!r}, {short!r}, {not tests.exact})"
    return Probe(tests.name, len(short[0]), expression)


def build_screening(found: Sequence[Function], probes: Sequence[Probe]) -> str:
    """Build the program; `solved()` returns "solved" and the pairs that look right, or "" if there are none."""
    figures = (
        f"CALL_S = {CALL_S}\nPATIENT = {PATIENT}\nMOST_LATE = {MOST_LATE}\ninf = float('inf')\nnan = float('nan')\n"
    )
    lines = [figures, HEAD, "FUNCTIONS = ["]
    lines += [f"    ({one.program!r}, {one.expression!r}, {one.arguments[0]}, {one.arguments[1]})," for one in found]
    lines += ["]", "PROBES = ["]
    lines += [f"    ({one.name!r}, {one.arity}, {one.expression})," for one in probes]
    lines.append("]\n")
    return "\n".join(lines)


def parse_pairs(verdict: Outcome) -> list[tuple[int, int]] | None:
    """Parse the pairs that the program reported; return None if it did not finish or reported too many."""
    if verdict.status is Status.PASSED:
        return []
    _, mark, reported = verdict.detail.partition("solved ")
    if verdict.status is not Status.WRONG_ANSWER or not mark:
        return None
    words = reported.splitlines()[0].split()
    if len(words) > MOST_PAIRS:
        return None
    return [(int(one), int(other)) for one, _, other in (word.partition(":") for word in words)]
