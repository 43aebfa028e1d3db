"""Programs that read standard input and print: run as scripts in the child, and judged by what they printed.

A script runs as `__main__` on real file descriptors, as `python main.py` would: `input()`, `sys.stdin.buffer`,
`open(0)`, a `__main__` guard anywhere, `sys.exit`, threads that outlive the main one and exit hooks all work.
"""

import atexit
import io
import math
import sys
import threading
import types
from typing import Any, Callable, Dict, List, NoReturn, Tuple

from . import calls, programs

LINES, FLOATS, PROGRAM = "lines", "floats", "program"
MAX_SHOWN = 200


def run_script(program: str, report: Callable[[str, str], None]) -> NoReturn:
    """Run `program` to its end, tell `report` how it ended, and exit as Python would have."""
    import os

    stdin = io.BufferedReader(io.FileIO(0, "r", closefd=False))
    sys.stdin = io.TextIOWrapper(stdin, encoding="utf-8")
    sys.argv = ["main.py"]
    main = types.ModuleType("__main__")
    main.__dict__["__builtins__"] = __builtins__
    sys.modules["__main__"] = main
    end, detail, code = _execute(program, main.__dict__)
    try:
        threading._shutdown()  # type: ignore[attr-defined]  # waits for threads, as at the end of an interpreter
        atexit._run_exitfuncs()
        sys.stdout.flush()
    except BaseException as error:  # noqa: BLE001 - whatever a program raises is its verdict
        end, detail, code = calls.RAISED, programs.describe(error), code or 1
    report(end, detail)
    os._exit(code)


def _execute(program: str, scope: Dict[str, Any]) -> Tuple[str, str, int]:
    try:
        exec(compile(program, "main.py", "exec"), scope)
    except SystemExit as error:
        return _read_exit(error)
    except MemoryError as error:
        return calls.NO_MEMORY, programs.describe(error), 1
    except (SyntaxError, ValueError) as error:
        broken = error.__traceback__ is not None and error.__traceback__.tb_next is None
        return calls.BROKEN if broken else calls.RAISED, programs.describe(error), 1
    except BaseException as error:  # noqa: BLE001 - likewise
        return calls.RAISED, programs.describe(error), 1
    return calls.DONE, "", 0


def _read_exit(error: SystemExit) -> Tuple[str, str, int]:
    """Return what `sys.exit` amounts to: no argument or 0 is a normal end."""
    code = error.code
    if code is None or code == 0:
        return calls.DONE, "", 0
    return calls.RAISED, "exited with %s" % (str(code)[:MAX_SHOWN],), code & 0xFF if type(code) is int else 1


def check(rule: Dict[str, Any], given: bytes, expected: bytes, checker: bytes, output: bytes) -> Tuple[str, str]:
    """Return (status, detail) of an output, by the checker that `rule` names.

    A checker program defines `check(given, output, expected)`; what it returns decides, and an AssertionError
    means a wrong answer too.
    """
    wanted, printed = expected.decode("utf-8", "replace"), output.decode("utf-8", "replace")
    if rule["checker"] == PROGRAM:
        return _check_by_program(checker, given, wanted, printed)
    for number, (want, got) in enumerate(zip(_lines(wanted), _lines(printed)), 1):
        if want != got and not (rule["checker"] == FLOATS and _close(want, got, rule["tolerance"])):
            return "wrong_answer", "line %d: expected %s, got %s" % (number, _show(want), _show(got))
    n_wanted, n_printed = len(_lines(wanted)), len(_lines(printed))
    if n_wanted != n_printed:
        return "wrong_answer", "expected %d lines, got %d" % (n_wanted, n_printed)
    return "passed", ""


def _check_by_program(checker: bytes, given: bytes, expected: str, output: str) -> Tuple[str, str]:
    scope: Dict[str, Any] = {}
    exec(compile(checker.decode("utf-8"), "checker.py", "exec"), scope)
    try:
        right = scope["check"](given.decode("utf-8", "replace"), output, expected)
    except AssertionError as error:
        return "wrong_answer", programs.describe(error)
    return ("passed", "") if right else ("wrong_answer", "the checker refuses %s" % _show(output))


def _lines(text: str) -> List[str]:
    """Return the lines without white space at their ends and empty ones at the end of the text."""
    return [line.rstrip() for line in text.rstrip().split("\n")]


def _close(want: str, got: str, tolerance: float) -> bool:
    """Compare word by word: numbers within `tolerance`, absolute or relative, anything else exactly."""
    wanted, printed = want.split(), got.split()
    if len(wanted) != len(printed):
        return False
    return all(one == other or _near(one, other, tolerance) for one, other in zip(wanted, printed))


def _near(want: str, got: str, tolerance: float) -> bool:
    try:
        return math.isclose(float(want), float(got), rel_tol=tolerance, abs_tol=tolerance)
    except ValueError:
        return False


def _show(text: str) -> str:
    return repr(text if len(text) <= MAX_SHOWN else text[: MAX_SHOWN - 3] + "...")
