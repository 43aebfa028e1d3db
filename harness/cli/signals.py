"""End a command on Ctrl-C, SIGTERM and SIGHUP alike: by KeyboardInterrupt, once, so that everything is tidied up."""

from __future__ import annotations

import os
import signal
import threading
from contextlib import suppress
from types import FrameType
from typing import Any

from ..errors import STOPPED
from ..progress.streams import STDERR

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
DEFAULTS = (signal.SIG_DFL, signal.default_int_handler)
PATIENCE = 3
"""Ctrl-C so many times ends the process at once."""
AGAIN = b"\nstopping already; one more Ctrl-C ends at once and leaves temporary files behind\n"


class StopSignals:
    """Handle the signals that ask a command to stop, inside the block; use as a context manager.

    A signal that is ignored (SIGHUP under nohup) and one with a handler of somebody else's are left alone, and outside
    of the main thread, where Python allows no handlers, all are.
    """

    def __init__(self) -> None:
        self._before: dict[signal.Signals, Any] = {}
        self._interrupts = 0
        self.begun = False
        """Whether the command was asked to stop."""

    def __enter__(self) -> StopSignals:
        if threading.current_thread() is threading.main_thread():
            for number in SIGNALS:
                if (handler := signal.getsignal(number)) in DEFAULTS:
                    self._before[number] = handler
                    signal.signal(number, self._handle)
        return self

    def __exit__(self, *exc: object) -> None:
        # After a stop the handler stays until the process has ended: it raises nothing any more.
        if not self.begun:
            for number, handler in self._before.items():
                signal.signal(number, handler)

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        self._interrupts += number == signal.SIGINT
        if not self.begun:
            self.begun = True
            raise KeyboardInterrupt
        if number == signal.SIGINT:
            if self._interrupts >= PATIENCE:
                os._exit(STOPPED)
            with suppress(OSError):
                # A stream of Python's cannot be written to from a handler: its lock may be held.
                os.write(STDERR, AGAIN)
