"""Run a program in a process of its own and print what came of it; sent as a script, in front of a call of `main`.

What it prints is the program's own word: the program runs beside this, with the same rights.
"""

import json
import os
import sys
import types
from typing import Any, Dict, NoReturn, Union


def main(program: str, most: int) -> None:
    """Print [return code, stdout, stderr] of `program` as JSON; each text is cut after `most` bytes."""
    outputs = []
    for name in (".stdout", ".stderr"):
        outputs.append(os.open(name, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
        os.unlink(name)
    pid = os.fork()
    if pid == 0:
        for number, output in enumerate(outputs, 1):
            os.dup2(output, number)
        os.closerange(3, 256)
        _run(program)
    status = os.waitpid(pid, 0)[1]
    code = -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
    sys.stdout.write(json.dumps([code] + [_read(output, most) for output in outputs]))


def _run(program: str) -> NoReturn:
    """Run `program` to its end as `python main.py` would, and exit with its code."""
    import atexit
    import threading

    leave = os._exit
    module = types.ModuleType("__main__")
    module.__dict__["__builtins__"] = __builtins__
    sys.modules["__main__"] = module
    code = _execute(program, module.__dict__)
    try:
        threading._shutdown()  # type: ignore[attr-defined]  # waits for threads
        atexit._run_exitfuncs()
        sys.stdout.flush()
    except BaseException:  # noqa: BLE001 - whatever a program raises is its own affair
        code = code or 1
    leave(code)


def _execute(program: str, scope: Dict[str, Any]) -> int:
    import traceback

    try:
        exec(compile(program, "main.py", "exec"), scope)
    except SystemExit as ended:
        return _read_exit(ended.code)
    except BaseException as error:  # noqa: BLE001 - likewise
        inner = error.__traceback__.tb_next if error.__traceback__ else None
        traceback.print_exception(type(error), error, inner)
        return 1
    return 0


def _read_exit(code: Union[str, int, None]) -> int:
    if code is None or isinstance(code, int):
        return (code or 0) & 0xFF
    sys.stderr.write("%s\n" % (code,))
    return 1


def _read(output: int, most: int) -> str:
    """Return what was written to a file, as far as it may be told."""
    data = b""
    while len(data) < most:
        more = os.pread(output, min(1 << 20, most - len(data)), len(data))
        if not more:
            break
        data += more
    return data.decode("utf-8", "replace")
