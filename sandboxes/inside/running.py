"""One forked program and the watch over it, from the worker's side.

Waits on the report pipe, the output pipe, what is still to be handed over, the process itself, the host and the clocks
at once.
"""

import os
import select
import signal
import time
from functools import partial
from typing import Any, Callable, Dict, List, Optional

from . import child, frames, records
from .clocks import Clock
from .endings import DISMISSED, Ending, Stopped
from .hosts import Host


class Running:
    """One forked program; `watch` it, reap it, then ask for its `ending`.

    `given` is what it is handed: all of it at once, or the first chunk and then one for each value (`steps`).
    """

    def __init__(
        self, request: Dict[str, Any], stored: Dict[str, Any], uid: Optional[int], given: memoryview, host: Host
    ) -> None:
        self.request, self.limits, self._host = request, request["limits"], host
        self.streams = request["op"] == child.STREAM
        self.executes = request["op"] == child.EXECUTE
        self.keeps_output = self.streams or self.executes
        self.token = os.urandom(8).hex()
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
        self._clock = Clock(self.pid, self.start, self.limits, request.get("timing"))
        self._begin()

    def _fork(self, stored: Dict[str, Any], uid: Optional[int]) -> None:
        pipes = [os.pipe() for _ in range(4 if self.keeps_output else 3)]
        (report_r, report_w), (input_r, input_w), (output_r, output_w) = pipes[:3]
        stdin_r, stdin_w = pipes[3] if self.streams else (None, None)
        errors_r, errors_w = pipes[3] if self.executes else (None, None)
        theirs = errors_w if self.executes else stdin_r
        self.start = time.monotonic()
        self.pid = os.fork()
        if self.pid == 0:
            try:
                child.main(self.request, stored, uid, (report_w, input_r, output_w, theirs), self.token)
            except BaseException as error:  # noqa: BLE001 - before the start mark: reported as set-up trouble
                os.write(report_w, repr(error).encode("utf-8", "replace"))
            finally:
                os._exit(70)
        for fd in (report_w, input_r, output_w, *([] if theirs is None else [theirs])):
            os.close(fd)
        self.report_fd, self.output_fd = report_r, output_r
        self.outputs = {output_r: self._host.output, **({} if errors_r is None else {errors_r: self._host.errors})}
        self.inputs: Dict[int, List[memoryview]] = {input_w: self._waiting}
        self.input_fd: Optional[int] = input_w
        if stdin_w is not None:
            self.inputs[stdin_w] = self._stdin
        for fd in (report_r, *self.outputs, *self.inputs):
            os.set_blocking(fd, False)

    def watch(self) -> None:
        """Return when the child has ended, a limit is reached, or the host wants no more of it."""
        self._poll = select.poll()
        self._poll.register(self.report_fd, select.POLLIN)
        for fd in self.outputs:
            self._poll.register(fd, select.POLLIN)
        self._poll.register(0, select.POLLIN if self.request.get("dialogue") else 0)  # else only its hang-up
        for fd in list(self.inputs):
            self._write(fd)
        process = _pidfd(self.pid)
        if process is not None:
            self._poll.register(process, select.POLLIN)
        try:
            while self.stopped is None and not self._has_ended():
                patience_s, over = self._clock.left(self._ready)
                if over:
                    self.stopped = "timeout", over
                for fd, event in self._poll.poll(
                    1000 * (patience_s if process is not None else min(patience_s, 0.002))
                ):
                    self._serve(fd, event)
            self.wall_time_s = time.monotonic() - self.start
            self._drain()
        finally:
            for fd in (self.report_fd, *self.outputs, *self.inputs, *([] if process is None else [process])):
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
        elif fd in self.outputs:
            self._read_output(fd)
        elif fd in self.inputs:
            self._write(fd)

    def describe_ending(self) -> Ending:
        """Return how it ended, once it was reaped."""
        return Ending(
            self.request, self.token, self._host, self.counter, stopped=self.stopped, exit_status=self.exit_status
        )

    def total_cpu_s(self) -> float:
        """Return the CPU seconds of all its processes, if it ran long enough to matter."""
        return self._clock.total_cpu_s(self.wall_time_s)

    def _has_ended(self) -> bool:
        pid, status, usage = os.wait4(self.pid, os.WNOHANG)
        if pid:
            self.exit_status, self.usage = status, usage
        return bool(pid)

    def _begin(self) -> None:
        """Put what the child may have at the start on its way: all, or a program and the first call."""
        if self.streams:
            self._next_chunk(self._waiting)
            self._stdin.append(self._given[self._given_at :])
        elif self._steps:
            self._next_chunk(self._waiting)
            if not self._clock.times_calls:  # else the first call waits until the program is ready
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
            self._begin_next_call(0)
        if self.request.get("dialogue"):
            if self.counter.values > self._handed + 1:
                self.stopped = "tampered", "the program said more than it was asked"
                return
            for start, end in values:
                self._host.tell(self._host.report.view[start:end])
        if values:
            self._begin_next_call(len(values))

    def _begin_next_call(self, count: int) -> None:
        """Begin to time the next call, and hand it over where calls come one by one."""
        if not self._clock.restart(self.counter.values):
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

    def _read_output(self, fd: int) -> None:
        """Keep what a script or a command prints, up to the cap; throw away everything else."""
        output = self.outputs[fd]
        if not self.keeps_output:
            output.used = 0
        try:
            count = output.read_some(fd)
        except BlockingIOError:
            return
        if not count:
            _unregister(self._poll, fd)
        self.output_bytes += count
        if self.keeps_output and self.output_bytes > min(self.limits["output_bytes"], output.size - (1 << 17)):
            self.stopped = "output", "printed more than %d bytes" % self.limits["output_bytes"]

    def _drain(self) -> None:
        """Read what the child wrote between the last look and its end."""
        outputs = [partial(self._read_output, fd) for fd in self.outputs] if self.keeps_output else []
        reads: List[Callable[[], None]] = [self._read_report, *outputs]
        for read in reads:
            before = -1
            while self.stopped is None and before != (before := self._host.report.used + self.output_bytes):
                read()


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
    """Send SIGKILL to one process, if it is still there."""
    try:
        os.kill(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass


def kill_all() -> None:
    """Send SIGKILL to all but this process, which must be PID 1 of its namespace."""
    if os.getpid() == 1:
        kill(-1)
