"""The limits of a running program, kept from outside: nothing that it does to its own timers and signals matters.

CPU time is the limit, of the program and of all that it started. Wall time is the back-stop for programs that sleep;
time in which a program waited for a CPU (schedstat, where the kernel has it) does not count.

Calls are timed by the values that arrive (`Timing`): a gap of more CPU time than a call's limit is a timeout at once.
Where many gaps add up to more than the smallest limit, the host runs the program again with its inputs handed over
one by one (`steps`), so that no work can be moved from one call to another.
"""

import os
import time
from typing import Any, Dict, Optional, Tuple

from . import facts

CHECK_S = 0.01
COUNT_S = 0.1
"""From here on, and as far apart, looks at what else a program costs: its other processes, its waits for a CPU."""
PATIENCE = 5.0
"""A program that waits for a CPU may take this many times its wall-time limit."""
CPUS = os.cpu_count() or 1
SLACK_S = 2.0
"""A call's back-stop is three times its limit, and these seconds."""


class Timing:
    """The limits of calls, and what the one under way has used."""

    def __init__(self, limits: Dict[str, Any], cpu_s: float, now: float) -> None:
        self._limit_s = limits["limit_s"]
        self._longer = {int(index): limit_s for index, limit_s in limits["longer"].items()}
        self._index = 0
        self.restart(0, cpu_s, now)

    def restart(self, index: int, cpu_s: float, now: float) -> None:
        """Begin to time call `index`."""
        self._index, self._cpu_s, self._now = index, cpu_s, now
        self._waited_s: Optional[float] = None

    def left(self, cpu_s: float, now: float, waited_s: float) -> Tuple[float, str]:
        """Return the seconds until the call under way may reach a limit, and which one it has reached."""
        limit_s = self._longer.get(self._index, self._limit_s)
        cpu_left = limit_s - (cpu_s - self._cpu_s)
        if cpu_left <= 0:
            return 0.0, "call %d took more than %.3g s of CPU time" % (self._index, limit_s)
        wall_s = now - self._now
        if self._waited_s is None and wall_s > COUNT_S:
            self._waited_s = waited_s
        if self._waited_s is not None:
            wall_s -= waited_s - self._waited_s
        back_stop_s = 3 * limit_s + SLACK_S
        if wall_s > back_stop_s:
            return 0.0, "call %d took more than %.3g s" % (self._index, back_stop_s)
        return min(cpu_left, back_stop_s - wall_s), ""


class Clock:
    """The limits of the process `pid`, which was forked at `start`; `timing` has those of its calls."""

    def __init__(self, pid: int, start: float, limits: Dict[str, Any], timing: Optional[Dict[str, Any]]) -> None:
        self._start, self._limits = start, limits
        self._clock = (~pid << 3) | 2  # the process's CPU clock, as clock_getcpuclockid(3) makes it
        self._others = facts.Others(pid)
        self._calls = Timing(timing, 0.0, start) if timing else None

    @property
    def times_calls(self) -> bool:
        """Tell whether each call has a limit of its own."""
        return self._calls is not None

    def restart(self, index: int) -> bool:
        """Begin to time call `index`; tell whether the process is still there."""
        if self._calls is None:
            return True
        now = time.monotonic()
        try:
            self._calls.restart(index, self._cpu_s(now), now)
        except OSError:  # it has ended
            return False
        return True

    def total_cpu_s(self, wall_time_s: float) -> float:
        """Return the CPU seconds of all its processes, if it ran long enough to matter."""
        return self._others.total_cpu_s() if wall_time_s > COUNT_S else 0.0

    def left(self, ready: bool) -> Tuple[float, str]:
        """Return the seconds until a limit could be reached, and which one was; calls count once it is `ready`.

        Until then a program runs its own statements, which are no call's.
        """
        now = time.monotonic()
        wall_s = now - self._start
        try:
            cpu_s = self._cpu_s(now)
        except OSError:  # it ended since the last look
            return 0.0, ""
        waited_s = self._others.waited_s(now) if wall_s > COUNT_S else 0.0
        cpu_left: float = self._limits["cpu_time_s"] - cpu_s
        wall_left: float = self._limits["wall_time_s"] - (wall_s - waited_s)
        call_left, over = self._calls.left(cpu_s, now, waited_s) if self._calls and ready else (cpu_left, "")
        if over:
            return 0.0, over
        if cpu_left <= 0:
            return 0.0, "over the CPU-time limit of %g s" % self._limits["cpu_time_s"]
        if wall_left <= 0 or wall_s > PATIENCE * self._limits["wall_time_s"]:
            return 0.0, "over the wall-time limit of %g s" % self._limits["wall_time_s"]
        # threads spend CPU time faster than the wall clock runs
        return max(CHECK_S, min(wall_left, min(cpu_left, call_left) / CPUS)), ""

    def _cpu_s(self, now: float) -> float:
        """Return the CPU seconds of the program so far, and of all that it started.

        Raises:
            OSError: it has ended.
        """
        own = time.clock_gettime(self._clock)
        return own if now - self._start < COUNT_S else max(own, self._others.cpu_s(now))
