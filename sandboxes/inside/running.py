"""One forked program and the watch over it, from the worker's side.

Waits on the report pipe, the output pipe, the process itself, the host's hang-up and the two clocks at
once. CPU time is the limit, of the program and, where this process is PID 1, of all that it started; wall time is
the back-stop for programs that sleep.
"""

import json
import os
import select
import signal
import time
from typing import Any, Dict, Optional, Tuple

from . import child, facts

CHECK_S = 0.01
COUNT_S = 0.1
"""Between two looks at the CPU time of a program's other processes."""


class Running:
    """One forked program; `watch` it, reap it, then ask for its `outcome`."""

    def __init__(self, request: Dict[str, Any], stored: Dict[str, Any], uid: Optional[int]) -> None:
        self.limits = request["limits"]
        self.max_report = request["max_report"]
        self.reports_values = request["op"] in child.VALUES
        self.token = os.urandom(8).hex()
        self.report = bytearray()
        self.more: Any = []
        self.output_bytes = 0
        self.stopped: Optional[Tuple[str, str]] = None
        self.usage: Optional[Any] = None
        self.exit_status: int = 0
        self.wall_time_s = 0.0
        report_r, report_w = os.pipe()
        output_r, output_w = os.pipe()
        self.start = time.monotonic()
        self.counted_s, self.count_at = 0.0, self.start + COUNT_S
        self.pid = os.fork()
        if self.pid == 0:
            try:
                child.main(request, stored, uid, (report_w, output_w), self.token)
            except BaseException as error:  # noqa: BLE001 - before the start mark: reported as set-up trouble
                os.write(report_w, repr(error).encode("utf-8", "replace"))
            finally:
                os._exit(70)
        os.close(report_w)
        os.close(output_w)
        self.report_fd, self.output_fd = report_r, output_r
        self.clock = (~self.pid << 3) | 2  # the process's CPU clock, as clock_getcpuclockid(3) makes it
        os.set_blocking(output_r, False)

    def watch(self) -> None:
        """Until the child has ended, a limit is reached, or the host is gone (then this process ends)."""
        poll = select.poll()
        poll.register(self.report_fd, select.POLLIN)
        poll.register(self.output_fd, select.POLLIN)
        poll.register(0, 0)  # only its hang-up
        process = _pidfd(self.pid)
        if process is not None:
            poll.register(process, select.POLLIN)
        try:
            while self.stopped is None and not self._ended():
                patience_s = self._patience_s()
                for fd, event in poll.poll(1000 * (patience_s if process is not None else min(patience_s, 0.002))):
                    if fd == 0 and event & (select.POLLHUP | select.POLLERR):
                        kill(-self.pid)
                        kill_all()
                        os._exit(0)
                    elif fd == self.report_fd:
                        self._read_report(poll)
                    elif fd == self.output_fd:
                        self._read_output(poll)
            self.wall_time_s = time.monotonic() - self.start
            self._drain()
        finally:
            os.close(self.report_fd)
            os.close(self.output_fd)
            if process is not None:
                os.close(process)

    def outcome(self, oom_kills: int) -> Tuple[str, str]:
        """(status, detail) from the report, the exit status and the limits, in that order of trust."""
        if not self.report.startswith(child.STARTED):
            return "infrastructure", "the child did not start: " + self.report.decode("utf-8", "replace")[:500]
        if oom_kills > 0:
            return "memory", "killed by the kernel: over the memory limit"
        if self.stopped is not None:
            return self.stopped
        if self.reports_values and os.WIFEXITED(self.exit_status) and os.WEXITSTATUS(self.exit_status) == 0:
            return "reported", ""
        if len(self.report) > 1 and not self.reports_values:
            return self._reported()
        if os.WIFSIGNALED(self.exit_status):
            number = os.WTERMSIG(self.exit_status)
            if number == signal.SIGXCPU:
                return "timeout", "over the CPU-time limit"
            return "runtime_error", "killed by signal %d" % number
        return "runtime_error", "exited with code %d before its tests ended" % os.WEXITSTATUS(self.exit_status)

    def _reported(self) -> Tuple[str, str]:
        try:
            token, status, detail, *more = json.loads(self.report[1:])
        except (ValueError, TypeError):
            return "tampered", "the program wrote to the report channel"
        if token != self.token:
            return "tampered", "the program wrote to the report channel"
        self.more = more[0] if more else []
        return status, detail

    def _ended(self) -> bool:
        pid, status, usage = os.wait4(self.pid, os.WNOHANG)
        if pid:
            self.exit_status, self.usage = status, usage
        return bool(pid)

    def _patience_s(self) -> float:
        """Seconds until a limit could be reached; sets `stopped` when one is."""
        now = time.monotonic()
        wall_left: float = self.limits["wall_time_s"] - (now - self.start)
        if now >= self.count_at and os.getpid() == 1:
            self.counted_s, self.count_at = facts.cpu_time_of_others_s(), now + COUNT_S
        try:
            cpu_left: float = self.limits["cpu_time_s"] - max(self.counted_s, time.clock_gettime(self.clock))
        except OSError:  # it ended since the last look
            return 0.0
        if cpu_left <= 0:
            self.stopped = "timeout", "over the CPU-time limit of %g s" % self.limits["cpu_time_s"]
        elif wall_left <= 0:
            self.stopped = "timeout", "over the wall-time limit of %g s" % self.limits["wall_time_s"]
        if self.stopped is not None:
            return 0.0
        # threads spend CPU time faster than the wall clock runs
        return max(CHECK_S, min(wall_left, cpu_left / (os.cpu_count() or 1)))

    def _read_report(self, poll: "select.poll") -> None:
        data = os.read(self.report_fd, 65536)
        self.report += data
        if not data:
            poll.unregister(self.report_fd)
        elif len(self.report) > self.max_report:
            kind = "output" if self.reports_values else "tampered"
            self.stopped = kind, "the program reported more than %d bytes" % self.max_report

    def _read_output(self, poll: "select.poll") -> None:
        try:
            data = os.read(self.output_fd, 65536)
        except BlockingIOError:
            return
        self.output_bytes += len(data)
        if not data:
            poll.unregister(self.output_fd)
        elif self.output_bytes > self.limits["output_bytes"]:
            self.stopped = "output", "printed more than %d bytes" % self.limits["output_bytes"]

    def _drain(self) -> None:
        """What the child wrote between the last look and its end."""
        os.set_blocking(self.report_fd, False)
        try:
            while len(self.report) <= self.max_report:
                data = os.read(self.report_fd, 65536)
                if not data:
                    return
                self.report += data
        except BlockingIOError:
            return


def _pidfd(pid: int) -> Optional[int]:
    try:
        return os.pidfd_open(pid)
    except (AttributeError, OSError):
        return None


def kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass


def kill_all() -> None:
    """SIGKILL to all but this process, which must be PID 1 of its namespace."""
    if os.getpid() == 1:
        kill(-1)
