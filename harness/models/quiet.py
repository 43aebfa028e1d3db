"""Send what libraries and their subprocesses print to a file.

Engines print thousands of lines to descriptors 1 and 2, from C++ and from processes of their own, so
replacing `sys.stdout` is not enough; a notebook's `sys.stdout` is no descriptor, so it is replaced, too.
Processes started meanwhile keep writing to the file.

Not promised: the redirection is the whole process's. A console that must keep writing to the terminal
meanwhile holds its own duplicate of the descriptor (`os.fdopen(os.dup(1), "w")`).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import TextIO


@contextmanager
def output_to(log: Path) -> Iterator[None]:
    """Descriptors 1 and 2 append to `log` inside the block, and so do `sys.stdout` and `sys.stderr`."""
    _flush()
    saved = [(target, os.dup(target)) for target in (1, 2)]
    try:
        with log.open("ab") as stream:
            for target, _ in saved:
                os.dup2(stream.fileno(), target)
        with redirect_stdout(_onto(1)), redirect_stderr(_onto(2)):
            try:
                yield
            finally:
                _flush()
    finally:
        for target, copy in saved:
            os.dup2(copy, target)
            os.close(copy)


def _onto(target: int) -> TextIO:
    """A stream onto a descriptor; it is never closed, for loggers that were made meanwhile keep it."""
    return open(target, "w", buffering=1, encoding="utf-8", errors="backslashreplace", closefd=False)


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        if stream is not None and not stream.closed:
            stream.flush()
