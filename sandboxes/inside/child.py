"""The forked child: gives up every privilege, sets its limits, runs one program, reports.

Standard input raises when read and the working directory is a scratch folder, as in human-eval's
`check_program` (openai/human-eval, MIT). What this process computes itself can be forged by the program it
runs (`trust=in-process`); what it cannot touch is the worker that holds the clock and the limits.
"""

import ctypes
import fcntl
import io
import json
import os
import random
import resource
import sys
from typing import Any, Dict, Iterator, NoReturn, Optional, Tuple

from . import calls, frames, landlock, oracle, programs, proxies

STARTED = b"S"
REPORT_FD = 3
MAX_DETAIL = 2000
PR_SET_DUMPABLE = 4
PR_SET_NO_NEW_PRIVS = 38
SYS_CAPSET = {"x86_64": 126, "aarch64": 91}.get(os.uname().machine)
CAP_VERSION_3 = 0x20080522

Limits = Dict[str, Any]

_libc = ctypes.CDLL(None, use_errno=True)


class NoStdin(io.StringIO):
    """Reading raises, as in human-eval: a program that waits for input fails at once."""

    def read(self, *_: Any) -> NoReturn:
        raise OSError("standard input is closed")

    readline = readlines = __next__ = read

    def readable(self) -> bool:
        return False


def main(
    request: Dict[str, Any], stored: Dict[str, Any], uid: Optional[int], fds: Tuple[int, int], token: str
) -> NoReturn:
    """Serve one request in this process and never return; `fds` are (report, output)."""
    pid = os.getpid()
    _enter(request["limits"], uid, request["scratch"], fds, request["domain"])
    os.write(REPORT_FD, STARTED)
    for report in OPERATIONS[request["op"]](request, stored, token):
        if os.getpid() != pid:  # a fork the program made ran to its end: only the first may report
            os._exit(0)
        _flush()
        _write(REPORT_FD, report)
    os._exit(0)


def _program(request: Dict[str, Any], stored: Dict[str, Any], token: str) -> Iterator[bytes]:
    """Run a program that holds its own tests; one report: (token, status, detail) as JSON."""
    status, detail = programs.execute(request["program"], {})
    yield json.dumps([token, status, detail[-MAX_DETAIL:]]).encode("ascii")


def _calls(request: Dict[str, Any], stored: Dict[str, Any], token: str) -> Iterator[bytes]:
    """Call a program's function; one report of what the calls returned."""
    collector = calls.Collector(request["reveal"], request["trusted"])
    (inputs,) = stored[request["inputs"]]
    yield collector.report(*calls.run(request, inputs, collector))


def _judged_calls(request: Dict[str, Any], stored: Dict[str, Any], token: str) -> Iterator[bytes]:
    """As `_calls`, but compared here, by the interpreter that ran the candidate; one report as `_program`'s."""
    (inputs,), (expected,) = stored[request["inputs"]], stored[request["expected"]]
    judge = oracle.Judge(request, expected, inputs, request["reveal"])
    try:
        end, detail, _ = calls.run(request, inputs, judge)
    except calls.Unsure as error:
        yield json.dumps([token, "unsure", "", error.index]).encode("ascii")
        return
    yield json.dumps([token, oracle.status_of_end(end, detail), detail[-MAX_DETAIL:]]).encode("ascii")


def _answers(request: Dict[str, Any], stored: Dict[str, Any], token: str) -> Iterator[bytes]:
    """The answers of a program's functions to calls that tests make; a report for each."""
    return map(frames.prefixed, proxies.answers(request["program"], stored[request["calls"]]))


def _record(request: Dict[str, Any], stored: Dict[str, Any], token: str) -> Iterator[bytes]:
    """The calls that tests make of the reference."""
    return proxies.record(request)


def _tests(request: Dict[str, Any], stored: Dict[str, Any], token: str) -> Iterator[bytes]:
    """Run tests on answers that were given elsewhere; one report as `_program`'s."""
    status, detail, more = proxies.judge(request, stored[request["calls"]], request["blob"])
    yield json.dumps([token, status, detail[-MAX_DETAIL:], more]).encode("ascii")


OPERATIONS = {
    "program": _program,
    "calls": _calls,
    "judged_calls": _judged_calls,
    "answers": _answers,
    "record": _record,
    "tests": _tests,
}
VALUES = ("calls", "answers", "record")
"""The operations that report values, which the host carries elsewhere unopened."""


def _enter(
    limits: Limits, uid: Optional[int], scratch: str, fds: Tuple[int, int], domain: Optional[landlock.Domain]
) -> None:
    report_fd, output_fd = fds
    os.setsid()
    _write_file("/proc/self/oom_score_adj", "1000")
    null = os.open(os.devnull, os.O_RDWR)
    if domain is not None:
        domain.enter()
    _move_fds(((null, 0), (output_fd, 1), (output_fd, 2), (report_fd, REPORT_FD)))
    os.closerange(REPORT_FD + 1, resource.getrlimit(resource.RLIMIT_NOFILE)[0])
    if uid is not None:
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
    _drop_privileges()
    os.umask(0o077)
    os.chdir(scratch)
    _set_limits(limits)
    sys.stdin = NoStdin()
    sys.stdout = io.TextIOWrapper(io.BufferedWriter(io.FileIO(1, "w", closefd=False)), encoding="utf-8")
    sys.stderr = io.TextIOWrapper(io.FileIO(2, "w", closefd=False), encoding="utf-8", write_through=True)
    _seed()


def _move_fds(pairs: Tuple[Tuple[int, int], ...]) -> None:
    """dup2 each (source, target); sources are first moved above every target."""
    high = [(fcntl.fcntl(source, fcntl.F_DUPFD, REPORT_FD + 1), target) for source, target in pairs]
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
    resource.setrlimit(resource.RLIMIT_AS, 2 * (_address_space() + limits["memory_bytes"],))
    resource.setrlimit(resource.RLIMIT_FSIZE, 2 * (limits["output_bytes"],))
    resource.setrlimit(resource.RLIMIT_NOFILE, 2 * (256,))
    resource.setrlimit(resource.RLIMIT_CORE, 2 * (0,))
    if limits.get("nproc"):
        resource.setrlimit(resource.RLIMIT_NPROC, 2 * (limits["nproc"],))


def _address_space() -> int:
    """Bytes mapped already: the libraries imported before the fork are not the program's."""
    try:
        with open("/proc/self/statm") as file:
            return int(file.read().split()[0]) * resource.getpagesize()
    except OSError:
        return 1 << 30


def _seed() -> None:
    """The same random stream for every program, so that verdicts repeat."""
    random.seed(0)
    numpy_random = sys.modules.get("numpy.random")
    if numpy_random is not None:
        numpy_random.seed(0)


def _write(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


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
