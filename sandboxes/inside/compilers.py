"""A resident compiler: one process that compiles programs one after another, in a worker that runs none of them.

Its answer to a source, whose length comes first: a byte that is 1 for a program that compiles, a chunk of what the
compiler says, a number of files, and two chunks for each, name and content.
"""

import os
import select
import signal
import time
from typing import Any, Dict, List, Optional, Tuple

from . import child, facts, frames

MAX_ANSWER = 64 << 20
LIFE_S = 100000
"""CPU seconds of a compiler in all; each program's share is watched from outside."""
POLL_S = 0.02
ARGUMENT = "{server}"
"""What of the command is the file with the server's source."""


class Broken(Exception):
    """(status, detail): why there is no answer; the compiler is gone."""


class Compiler:
    """A compiler that was started as `request` says; `close` ends it."""

    def __init__(self, request: Dict[str, Any], uid: Optional[int], server: bytes) -> None:
        stdin_r, self._stdin = os.pipe()
        self._stdout, stdout_w = os.pipe()
        limits = {**request["limits"], "cpu_time_s": LIFE_S, "nproc": None, "managed": True}
        asked = {**request, "op": child.STREAM, "limits": limits}
        self.pid = os.fork()
        if self.pid == 0:
            try:
                null = os.open(os.devnull, os.O_RDWR)
                child.enter(asked, uid, (null, null, stdout_w, stdin_r))
                name = "server-%d%s" % (os.getpid(), request["suffix"])
                with open(name, "wb") as file:
                    file.write(server)
                os.closerange(3, 256)
                command = [name if part == ARGUMENT else part for part in request["command"]]
                os.execvp(command[0], command)
            finally:
                os._exit(70)
        os.close(stdin_r)
        os.close(stdout_w)
        for fd in (self._stdin, self._stdout):
            os.set_blocking(fd, False)
        self._clock = (~self.pid << 3) | 2  # as in `clocks`
        self._answer = bytearray()

    def compile(self, source: bytes, limits: Dict[str, Any]) -> Tuple[bool, bytes, List[bytes]]:
        """Return whether a program compiles, what the compiler says, and its files: name, content, name, content...

        Raises:
            Broken: it took too long, or the compiler ended.
        """
        waiting = memoryview(frames.prefix_length(source))
        start, cpu_s = time.monotonic(), self._cpu_s()
        oom_before = facts.oom_kills()
        self._answer.clear()
        poll = select.poll()
        poll.register(self._stdin, select.POLLOUT)
        poll.register(self._stdout, select.POLLIN)
        while True:
            for fd, _ in poll.poll(1000 * POLL_S):
                if fd == self._stdin:
                    try:
                        waiting = waiting[os.write(fd, waiting) :]
                    except OSError:
                        waiting = waiting[len(waiting) :]
                    if not waiting:
                        poll.unregister(fd)
                elif not self._receive():
                    killed = facts.oom_kills() > oom_before
                    raise Broken("memory" if killed else "lost", "the compiler ended")
            parsed = _parse(self._answer)
            if parsed is not None:
                return parsed
            if len(self._answer) > MAX_ANSWER:
                raise Broken("output", "the compiler wrote more than %d bytes" % MAX_ANSWER)
            if self._cpu_s() - cpu_s > limits["cpu_time_s"] or time.monotonic() - start > limits["wall_time_s"]:
                raise Broken("timeout", "the compiler took more than %g s of CPU time" % limits["cpu_time_s"])

    def close(self) -> None:
        """End it."""
        try:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        except OSError:
            pass
        for fd in (self._stdin, self._stdout):
            os.close(fd)

    def cpu_s(self) -> float:
        """Return the CPU seconds that it has used so far."""
        return self._cpu_s()

    def _cpu_s(self) -> float:
        try:
            return time.clock_gettime(self._clock)
        except OSError:
            return 0.0

    def _receive(self) -> bool:
        try:
            data = os.read(self._stdout, 1 << 20)
        except BlockingIOError:
            return True
        self._answer += data
        return bool(data)


def _parse(data: bytearray) -> Optional[Tuple[bool, bytes, List[bytes]]]:
    """Return an answer that is complete."""
    chunks: List[bytes] = []
    at, wanted = 1, 1
    while len(chunks) < wanted:
        if len(data) < at + 4:
            return None
        (size,) = frames.CHUNK.unpack_from(data, at)
        end = at + 4 + size
        if len(data) < end:
            return None
        chunks.append(bytes(data[at + 4 : end]))
        at = end
        if len(chunks) == 1:
            if len(data) < at + 4:
                return None
            (count,) = frames.CHUNK.unpack_from(data, at)
            wanted, at = 1 + 2 * count, at + 4
    return bool(data[0]), chunks[0], chunks[1:]
