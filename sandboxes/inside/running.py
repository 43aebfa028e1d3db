"""One forked program and the watch over it, from the worker's side.

Waits on the report pipe, the output pipe, what is still to be handed over, the process itself, the host and the clocks
at once. CPU time is the limit, of the program and of all that it started; it is read from outside, so nothing that a
program does to its own timers and signals matters. Wall time is the back-stop for programs that sleep; time in which
a program waited for a CPU (schedstat, where the kernel has it) does not count.

Calls are timed by the values that arrive (`Timing`): a gap of more CPU time than a call's limit is a timeout at once.
Where many gaps add up to more than the smallest limit, the host runs the program again with its inputs handed over
one by one (`steps`), so that no work can be moved from one call to another.
"""

import hashlib
import json
import os
import select
import signal
import time
from typing import Any, Dict, List, Optional, Tuple

from . import child, facts, frames, records, regions

CHECK_S = 0.01
COUNT_S = 0.1
"""From here on, and as far apart, looks at what else a program costs: its other processes, its waits for a CPU."""
PATIENCE = 5.0
"""A program that waits for a CPU may take this many times its wall-time limit."""
SLACK_S = 2.0
"""A call's back-stop is three times its limit, and these seconds."""
JUDGED = ("passed", "wrong_answer", "runtime_error", "syntax_error", "memory", "tampered")
"""What a process that holds tests may say of itself; all else is the worker's word."""
PASSED_ON = ("timeout", "output")
"""What a process that judges may say besides, of a candidate's process that it never was."""
UNSURE = ("unsure",)
DISMISSED = "ended", "nothing more was asked"

Stopped = Tuple[str, str]


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


class Running:
    """One forked program; `watch` it, reap it, then ask for its `outcome`.

    `given` is what it is handed: all of it at once, or the first chunk and then one for each value (`steps`).
    """

    def __init__(
        self, request: Dict[str, Any], stored: Dict[str, Any], uid: Optional[int], given: memoryview, host: "Host"
    ) -> None:
        self.request, self.limits, self._host = request, request["limits"], host
        self.reports_values = request["op"] in child.VALUES
        self.streams = request["op"] == child.STREAM
        self.token = os.urandom(8).hex()
        self.more: Any = {}
        self.output_bytes = 0
        self.stopped: Optional[Stopped] = None
        self.usage: Optional[Any] = None
        self.exit_status = 0
        self.wall_time_s = 0.0
        self.counter = records.Counter(
            host.report.view, request.get("values", 0), request["max_report"], request.get("timed", False)
        )
        self._ready = False
        self._handed = 0
        """What was handed over in a dialogue."""
        self._steps = request.get("steps")
        self._given, self._given_at = given, 0
        self._waiting: List[memoryview] = []
        self._stdin: List[memoryview] = []
        self._fork(stored, uid)
        self.clock = (~self.pid << 3) | 2  # the process's CPU clock, as clock_getcpuclockid(3) makes it
        self._others = facts.Others(self.pid)
        self._timing = Timing(request["timing"], 0.0, self.start) if request.get("timing") else None
        self._begin()

    def _fork(self, stored: Dict[str, Any], uid: Optional[int]) -> None:
        pipes = [os.pipe() for _ in range(4 if self.streams else 3)]
        (report_r, report_w), (input_r, input_w), (output_r, output_w) = pipes[:3]
        stdin_r, stdin_w = pipes[3] if self.streams else (None, None)
        self.start = time.monotonic()
        self.pid = os.fork()
        if self.pid == 0:
            try:
                child.main(self.request, stored, uid, (report_w, input_r, output_w, stdin_r), self.token)
            except BaseException as error:  # noqa: BLE001 - before the start mark: reported as set-up trouble
                os.write(report_w, repr(error).encode("utf-8", "replace"))
            finally:
                os._exit(70)
        for fd in (report_w, input_r, output_w, *([] if stdin_r is None else [stdin_r])):
            os.close(fd)
        self.report_fd, self.output_fd = report_r, output_r
        self.inputs: Dict[int, List[memoryview]] = {input_w: self._waiting}
        self.input_fd: Optional[int] = input_w
        if stdin_w is not None:
            self.inputs[stdin_w] = self._stdin
        for fd in (report_r, output_r, *self.inputs):
            os.set_blocking(fd, False)

    def watch(self) -> None:
        """Return when the child has ended, a limit is reached, or the host wants no more of it."""
        self._poll = select.poll()
        self._poll.register(self.report_fd, select.POLLIN)
        self._poll.register(self.output_fd, select.POLLIN)
        self._poll.register(0, select.POLLIN if self.request.get("dialogue") else 0)  # else only its hang-up
        for fd in list(self.inputs):
            self._write(fd)
        process = _pidfd(self.pid)
        if process is not None:
            self._poll.register(process, select.POLLIN)
        try:
            while self.stopped is None and not self._ended():
                patience_s = self._patience_s()
                for fd, event in self._poll.poll(
                    1000 * (patience_s if process is not None else min(patience_s, 0.002))
                ):
                    self._serve(fd, event)
            self.wall_time_s = time.monotonic() - self.start
            self._drain()
        finally:
            for fd in (self.report_fd, self.output_fd, *self.inputs, *([] if process is None else [process])):
                os.close(fd)
            self.inputs.clear()

    def _serve(self, fd: int, event: int) -> None:
        if fd == 0:
            if event & select.POLLIN:
                self._from_host()
            elif event & (select.POLLHUP | select.POLLERR):
                self._host_is_gone()
        elif fd == self.report_fd:
            self._read_report()
        elif fd == self.output_fd:
            self._read_output()
        elif fd in self.inputs:
            self._write(fd)

    def outcome(self, oom_kills: int) -> Stopped:
        """Return (status, detail) from the report, the exit status and the limits, in that order of trust."""
        if not self.counter.started and self.stopped != DISMISSED:
            said = bytes(self._host.report.view[: min(self._host.report.used, 500)])
            return "infrastructure", "the child did not start: " + said.decode("utf-8", "replace")
        if oom_kills > 0:
            return "memory", "killed by the kernel: over the memory limit"
        if self.stopped is not None:
            return self.stopped
        if self.counter.end is not None:
            return self._said()
        if os.WIFSIGNALED(self.exit_status):
            number = os.WTERMSIG(self.exit_status)
            if number == signal.SIGXCPU:
                return "timeout", "over the CPU-time limit"
            return "runtime_error", "killed by signal %d" % number
        code = os.WEXITSTATUS(self.exit_status)
        if self.streams and code == 0:
            return "reported", ""
        return "runtime_error", "exited with code %d before its tests ended" % code

    def done(self) -> bool:
        """Tell whether a candidate's process said that it did all it was asked for."""
        if self.counter.end is None:
            return False
        _, start, end = self.counter.end
        return self._host.report.view[start:end] == records.DONE_BYTES

    def digest(self) -> str:
        """Return the digest of what the host may compare: the values, or what a script printed."""
        if self.streams:
            return hashlib.sha256(self._host.output.view[: self._host.output.used]).hexdigest()
        return self.counter.digest() if self.reports_values else ""

    def blob(self) -> Optional[memoryview]:
        """Return what the host carries elsewhere: the records of values, or a script's output.

        In a dialogue the values were told already; what is left is how the program says that it ended. So it is with a
        script that failed, whose output does not matter.
        """
        report = self._host.report
        if self.streams and not self._failed():
            return self._host.output.view[: self._host.output.used]
        if self.streams or self.request.get("dialogue"):
            return None if self.counter.end is None else report.view[self.counter.end[1] : self.counter.end[2]]
        return report.view[1 : min(report.used, self.request["max_report"])] if self.reports_values else None

    def total_cpu_s(self) -> float:
        """Return the CPU seconds of all its processes, if it ran long enough to matter."""
        return self._others.total_cpu_s() if self.wall_time_s > COUNT_S else 0.0

    def _said(self) -> Stopped:
        """Return (status, detail) of a process that came to its end; of a script, its exit code decides."""
        assert self.counter.end is not None
        kind, start, end = self.counter.end
        if self.reports_values:
            return ("reported", "") if kind == records.END else self._tampered()
        if self.streams:
            return ("ended", "") if self._failed() else ("reported", "")
        data = bytes(self._host.report.view[start:end])
        return self._verdict(data) if kind == records.VERDICT else self._tampered()

    def _failed(self) -> bool:
        """Tell whether a script ended with another exit code than 0."""
        return not os.WIFEXITED(self.exit_status) or os.WEXITSTATUS(self.exit_status) != 0

    def _verdict(self, data: bytes) -> Stopped:
        try:
            token, status, detail, more = json.loads(data)
        except (ValueError, TypeError, RecursionError):
            return self._tampered()
        known = (
            status in JUDGED
            or (status in PASSED_ON and self.request["op"] in child.JUDGES)
            or (status in UNSURE and self.request.get("may_be_unsure"))
        )
        if token != self.token or type(status) is not str or not known:
            return self._tampered()
        if type(detail) is not str or type(more) is not dict:
            return self._tampered()
        self.more = more
        return status, detail

    @staticmethod
    def _tampered() -> Stopped:
        return "tampered", "the program wrote to the report channel"

    def _ended(self) -> bool:
        pid, status, usage = os.wait4(self.pid, os.WNOHANG)
        if pid:
            self.exit_status, self.usage = status, usage
        return bool(pid)

    def _cpu_s(self, now: float) -> float:
        """Return the CPU seconds of the program so far, and of all that it started.

        Raises:
            OSError: it has ended.
        """
        own = time.clock_gettime(self.clock)
        return own if now - self.start < COUNT_S else max(own, self._others.cpu_s(now))

    def _patience_s(self) -> float:
        """Return the seconds until a limit could be reached; sets `stopped` when one is."""
        now = time.monotonic()
        wall_s = now - self.start
        try:
            cpu_s = self._cpu_s(now)
        except OSError:  # it ended since the last look
            return 0.0
        waited_s = self._others.waited_s(now) if wall_s > COUNT_S else 0.0
        cpu_left: float = self.limits["cpu_time_s"] - cpu_s
        wall_left: float = self.limits["wall_time_s"] - (wall_s - waited_s)
        # until it is ready a program runs its own statements, which are no call's
        timed = self._timing is not None and self._ready
        call_left, over = self._timing.left(cpu_s, now, waited_s) if self._timing and timed else (cpu_left, "")
        if over:
            self.stopped = "timeout", over
        elif cpu_left <= 0:
            self.stopped = "timeout", "over the CPU-time limit of %g s" % self.limits["cpu_time_s"]
        elif wall_left <= 0 or wall_s > PATIENCE * self.limits["wall_time_s"]:
            self.stopped = "timeout", "over the wall-time limit of %g s" % self.limits["wall_time_s"]
        if self.stopped is not None:
            return 0.0
        # threads spend CPU time faster than the wall clock runs
        return max(CHECK_S, min(wall_left, min(cpu_left, call_left) / (os.cpu_count() or 1)))

    def _begin(self) -> None:
        """Put what the child may have at the start on its way: all, or a program and the first call."""
        if self.streams:
            self._next_chunk(self._waiting)
            self._stdin.append(self._given[self._given_at :])
        elif self._steps:
            self._next_chunk(self._waiting)
            if self._timing is None:  # else the first call waits until the program is ready
                self._next_chunk(self._waiting)
        else:
            self._waiting.append(self._given)
            self._given_at = len(self._given)

    def _next_chunk(self, waiting: List[memoryview]) -> None:
        if self._given_at < len(self._given):
            size = frames.CHUNK.size + frames.CHUNK.unpack_from(self._given, self._given_at)[0]
            waiting.append(self._given[self._given_at : self._given_at + size])
            self._given_at += size

    def _write(self, fd: int) -> None:
        """Write what waits for the child as far as the pipe takes it; close the pipe after the last of it."""
        waiting = self.inputs[fd]
        try:
            while waiting:
                count = os.write(fd, waiting[0])
                waiting[0] = waiting[0][count:]
                if not waiting[0]:
                    waiting.pop(0)
        except BlockingIOError:
            self._poll.register(fd, select.POLLOUT)
            return
        except OSError:  # the child closed its end
            waiting.clear()
        more = self.request.get("dialogue") or (self._steps and self._given_at < len(self._given))
        if fd == self.input_fd and more:
            _unregister(self._poll, fd)
        else:
            self._close(fd)

    def _close(self, fd: int) -> None:
        if fd in self.inputs:
            _unregister(self._poll, fd)
            del self.inputs[fd]
            os.close(fd)
            if fd == self.input_fd:
                self.input_fd = None

    def _read_report(self) -> None:
        report = self._host.report
        try:
            count = report.read_some(self.report_fd)
        except BlockingIOError:
            return
        if not count:
            _unregister(self._poll, self.report_fd)
            if self.input_fd is not None:  # who can answer no more is asked no more
                self._close(self.input_fd)
        else:
            self._take_in()

    def _take_in(self) -> None:
        """Read on in the report; a value is answered with the next call, where calls are handed over one by one."""
        try:
            values = self.counter.feed(self._host.report.used)
        except records.Broken as error:
            self.stopped = "tampered", "the program wrote to the report channel (%s)" % error
            return
        except records.OverCap:
            self.stopped = "output", "the program reported more than %d bytes" % self.request["max_report"]
            return
        if self.counter.ready and not self._ready:
            self._ready = True
            self._answered(0)
        if self.request.get("dialogue"):
            if self.counter.values > self._handed + 1:
                self.stopped = "tampered", "the program said more than it was asked"
                return
            for start, end in values:
                self._host.tell(self._host.report.view[start:end])
        if values:
            self._answered(len(values))

    def _answered(self, count: int) -> None:
        """Begin to time the next call, and hand it over where calls come one by one."""
        if self._timing is not None:
            now = time.monotonic()
            try:
                self._timing.restart(self.counter.values, self._cpu_s(now), now)
            except OSError:  # it has ended
                return
        if self._steps and self.input_fd is not None:
            for _ in range(max(1, count)):
                self._next_chunk(self._waiting)
            self._write(self.input_fd)

    def _from_host(self) -> None:
        """Take what the host hands over in a dialogue: a chunk for the child, or the word that nothing will come."""
        handed = self._host.next()
        if handed is None:
            self._host_is_gone()
        if self.input_fd is None:
            return
        if handed:
            self._handed += 1
            self._waiting.append(handed)
            self._write(self.input_fd)
        else:
            self.stopped = DISMISSED

    def _host_is_gone(self) -> None:
        kill(-self.pid)
        kill_all()
        os._exit(0)

    def _read_output(self) -> None:
        """Keep what a script prints, up to the cap; throw away everything else."""
        output = self._host.output
        if not self.streams:
            output.used = 0
        try:
            count = output.read_some(self.output_fd)
        except BlockingIOError:
            return
        if not count:
            _unregister(self._poll, self.output_fd)
        self.output_bytes += count
        if self.streams and self.output_bytes > min(self.limits["output_bytes"], output.size - (1 << 17)):
            self.stopped = "output", "printed more than %d bytes" % self.limits["output_bytes"]

    def _drain(self) -> None:
        """Read what the child wrote between the last look and its end."""
        for read in (self._read_report, *((self._read_output,) if self.streams else ())):
            before = -1
            while self.stopped is None and before != (before := self._host.report.used + self.output_bytes):
                read()


class Host:
    """What a running program and the host have between them: buffers, and the talk of a dialogue."""

    def __init__(self, out: int, nonce: str, handed: regions.Region, report: regions.Region, output: regions.Region):
        self._out, self._nonce = out, nonce
        self.handed, self.report, self.output = handed, report, output
        self.request_id = 0

    def tell(self, data: memoryview) -> None:
        """Pass a value on, in the middle of a request."""
        frames.write(self._out, {"id": self.request_id, "nonce": self._nonce, "value": True}, data)

    def next(self) -> Optional[memoryview]:
        """Return the chunk that the host hands over, empty for the end; None if the host is gone."""
        start = self.handed.used
        header = frames.read(0, self.handed)
        return None if header is None else self.handed.view[start : self.handed.used]


def _pidfd(pid: int) -> Optional[int]:
    try:
        return os.pidfd_open(pid)
    except (AttributeError, OSError):
        return None


def _unregister(poll: "select.poll", fd: int) -> None:
    try:
        poll.unregister(fd)
    except KeyError:
        pass


def kill(pid: int) -> None:
    """SIGKILL to one process, if it is still there."""
    try:
        os.kill(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass


def kill_all() -> None:
    """SIGKILL to all but this process, which must be PID 1 of its namespace."""
    if os.getpid() == 1:
        kill(-1)
