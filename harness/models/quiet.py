"""Redirect the output of libraries and their subprocesses to a file.

Engines print thousands of lines to descriptors 1 and 2, from C++ and from processes of their own, so
replacing `sys.stdout` is not enough. A notebook's `sys.stdout` is no descriptor, so it is replaced too.
Processes started meanwhile keep writing to the file.

The redirection affects the whole process. A console that must keep writing to the terminal
holds its own duplicate of the descriptor (`os.fdopen(os.dup(1), "w")`).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import TextIO


@contextmanager
def redirect_output(log: Path) -> Iterator[None]:
    """Append the output of descriptors 1 and 2, `sys.stdout` and `sys.stderr` to `log` inside the block."""
    _flush_streams()
    saved = [(target, os.dup(target)) for target in (1, 2)]
    try:
        with log.open("ab") as stream:
            for target, _ in saved:
                os.dup2(stream.fileno(), target)
        with redirect_stdout(_open_descriptor(1)), redirect_stderr(_open_descriptor(2)):
            try:
                yield
            finally:
                _flush_streams()
    finally:
        for target, copy in saved:
            os.dup2(copy, target)
            os.close(copy)


def _open_descriptor(target: int) -> TextIO:
    """Open a stream on a descriptor; it is never closed, because loggers may keep it."""
    return open(target, "w", buffering=1, encoding="utf-8", errors="backslashreplace", closefd=False)


def _flush_streams() -> None:
    for stream in (sys.stdout, sys.stderr):
        if stream is not None and not stream.closed:
            stream.flush()
