"""The worker: a long-lived, pre-imported process that forks one child per program.

It is PID 1 of its container or namespace, so a program can neither signal nor outlive it: after each
program everything else in the namespace is killed and reaped. It never runs a program's code itself.
It ends when its standard input hangs up, which is how the death of the host is noticed.

What a worker's heap holds, its children inherit. So programs, tests and reports pass through `regions`, and are handed
to the child that needs them by a pipe; only what `store` keeps becomes objects: what judges compare with.
"""

import faulthandler
import gc
import importlib
import mmap
import os
import resource
import sys
import time
from typing import Any, Callable, Dict, List, Optional, Tuple

from . import calls, child, codec, compilers, execution, facts, frames, jail, oracle, records, regions, scratch
from .hosts import Host
from .running import Running, kill, kill_all

KILL_PATIENCE_S = 5.0
MAX_REPORT = 256 << 20
MAX_DETAIL = 2000
JUDGE_MEMORY_BYTES = 4 << 30
"""Address space that a comparison may take."""
MAX_OUTPUT = 64 << 20


def _stored_expected(data: bytes) -> List[Any]:
    return [oracle.Expected(records.parse(data))]


FORMS: Dict[str, Callable[[bytes], Any]] = {
    "raw": frames.chunks,
    "inputs": lambda data: [calls.inputs_of(data)],
    "expected": _stored_expected,
}
"""How values that are stored are to be read."""


class Worker:
    """Runs programs one after another; see `serve`."""

    def __init__(self, hello: Dict[str, Any], out: int, handed: regions.Region) -> None:
        self.isolated = hello["isolated"]
        self.has_uids = hello["uids"]
        self.domain = hello["domain"]
        self.network = hello["network"]
        self.scratch = hello["scratch"]
        self.shared = scratch.Scratch((self.scratch, "/dev/shm")[: 2 if self.isolated else 1])
        self.stored: Dict[str, Dict[str, Any]] = {}
        self.count = 0
        self.compilers: Dict[Tuple[str, ...], compilers.Compiler] = {}
        self.host = Host(
            out,
            hello["nonce"],
            handed,
            regions.Region(MAX_REPORT + (1 << 20)),
            [regions.Region(MAX_OUTPUT), regions.Region(MAX_OUTPUT)],
        )

    def answer(self, request: Dict[str, Any]) -> Tuple[Dict[str, Any], Optional[memoryview]]:
        """Return the reply to one request, by its operation."""
        self.host.request_id = request["id"]
        if request["op"] == "store":
            return self.store(request), None
        if request["op"] == "compare":
            return self.compare(request), None
        if request["op"] == "compile":
            return self.compile(request)
        return self.run(request)

    def compile(self, request: Dict[str, Any]) -> Tuple[Dict[str, Any], Optional[memoryview]]:
        """Compile a program by the resident compiler; a worker that does it runs no program."""
        server, source = frames.chunks(bytes(self.host.handed.view[: self.host.handed.used]))
        command = tuple(request["command"])
        if command not in self.compilers:
            uid = jail.FIRST_UID if self.has_uids else None
            request.update(scratch=self.scratch, domain=self.domain, network=False)
            self.compilers[command] = compilers.Compiler(request, uid, server)
        compiler = self.compilers[command]
        start, cpu_s = time.monotonic(), compiler.cpu_s()
        passed, parts = False, []  # type: bool, List[bytes]
        try:
            passed, said, parts = compiler.compile(source, request["limits"])
            status, detail = "ended", said[:MAX_DETAIL].decode("utf-8", "replace")
            cpu_s = compiler.cpu_s() - cpu_s
        except compilers.Broken as error:
            status, detail = error.args
            cpu_s = compiler.cpu_s() - cpu_s
            self.compilers.pop(command).close()
        blob = b"".join(map(frames.prefix_length, parts))
        reply = {
            "status": status,
            "detail": detail,
            "cpu_time_s": cpu_s,
            "wall_time_s": time.monotonic() - start,
            "peak_memory_bytes": 0,
            "more": {"passed": passed},
            "clean": True,
            "memory_bytes": facts.memory_peak() if self.isolated else 0,
        }
        return reply, memoryview(blob)

    def store(self, request: Dict[str, Any]) -> Dict[str, Any]:
        """Keep what was handed over for later requests, under a key and a kind."""
        for key in request["drop"]:
            self.stored.pop(key, None)
        values: List[Any] = FORMS[request["form"]](bytes(self.host.handed.view[: self.host.handed.used]))
        self.stored.setdefault(request["key"], {})[request["kind"]] = values
        return {"status": "stored"}

    def compare(self, request: Dict[str, Any]) -> Dict[str, Any]:
        """Compare what a candidate's calls returned with what the reference's did.

        This happens here, since a fork costs more than most comparisons. A worker that does it runs no candidate and
        has limits of its own: over its memory limit the comparison fails, and past its time this process ends.
        """
        stored = self.stored[request["key"]]
        (expected,) = stored[request["expected"]]
        (inputs,) = stored.get(request["inputs"], [[]])
        judge = oracle.Judge(request, expected, inputs)
        report = bytes(self.host.handed.view[: self.host.handed.used])
        faulthandler.dump_traceback_later(request["seconds"], exit=True)
        try:
            status, detail = oracle.verdict_of_report(judge, records.parse(report))
        except codec.Damaged as error:
            status, detail = "tampered", str(error)
        except (MemoryError, RecursionError) as error:
            return {"status": "output", "detail": type(error).__name__, "more": {}}
        finally:
            faulthandler.cancel_dump_traceback_later()
        return {
            "status": status,
            "detail": detail[:MAX_DETAIL],
            "more": {"unsure": judge.unsure, "opaque": judge.opaque[:1]},
        }

    def run(self, request: Dict[str, Any]) -> Tuple[Dict[str, Any], Optional[memoryview]]:
        """Run one program; a status, what was used, whether this worker is still clean, and what it reported."""
        self.count += 1
        host = self.host
        host.report.clear()
        host.output.clear()
        uid = jail.FIRST_UID + self.count % jail.UIDS if self.has_uids else None
        oom_before = facts.oom_kills()
        request.update(scratch=self.scratch, domain=self.domain, network=self.network)
        if request["op"] == child.EXECUTE:
            return self.execute(request, uid, oom_before)
        stored = self.stored.get(request.get("key", ""), {})
        running = Running(request, stored, uid, host.handed.view[: host.handed.used], host)
        running.watch()
        usage, cpu_s = self.reap(running)
        ending = running.describe_ending()
        status, detail = ending.outcome(facts.oom_kills() - oom_before)
        reply = {
            "status": status,
            "detail": detail,
            "cpu_time_s": cpu_s,
            "wall_time_s": running.wall_time_s,
            "peak_memory_bytes": usage.ru_maxrss * 1024,
            "more": ending.more,
            "done": ending.done(),
            "digest": ending.digest(),
            "clean": self.clean(uid),
            "memory_bytes": facts.memory_peak() if self.isolated else 0,
        }
        return reply, ending.blob()

    def execute(
        self, request: Dict[str, Any], uid: Optional[int], oom_before: int
    ) -> Tuple[Dict[str, Any], Optional[memoryview]]:
        """Run the commands that build and run one program, to the first that fails; as `run`, with the last's output.

        "more" has the number of the last command, its exit code, and whether the program wrote its mark.
        """
        host, given, limits = self.host, self.host.handed.view[: self.host.handed.used], request["limits"]
        mark = execution.Mark()
        request["mark"] = {"path": mark.path, "token": mark.token}
        total = {"cpu_time_s": 0.0, "wall_time_s": 0.0, "peak_memory_bytes": 0}
        for number, step in enumerate(request["steps"]):
            for region in (host.report, host.output, host.errors):
                region.clear()
            asked = {
                **request,
                "first": not number,
                "step": step,
                "limits": {**step["limits"], "nproc": limits["nproc"]},
            }
            running = Running(asked, {}, uid, given[:0] if number else given, host)
            running.watch()
            usage, cpu_s = self.reap(running)
            total["cpu_time_s"] += cpu_s
            total["wall_time_s"] += running.wall_time_s
            total["peak_memory_bytes"] = max(total["peak_memory_bytes"], usage.ru_maxrss * 1024)
            status, detail = execution.outcome(running.counter.started, running.stopped, running.exit_status)
            if facts.oom_kills() > oom_before and status != "infrastructure":
                status, detail = "memory", "killed by the kernel: over the memory limit"
            code = execution.exit_code(running.exit_status)
            if status != "ended" or code:
                break
        reply = {
            "status": status,
            "detail": detail,
            **total,
            "more": {"command": number, "exit": code, "marked": mark.take()},
            "done": False,
            "digest": "",
            "clean": self.clean(uid),
            "memory_bytes": facts.memory_peak() if self.isolated else 0,
        }
        return reply, execution.pack_outputs(host.report, [host.output, host.errors])

    def reap(self, running: Running) -> Tuple[Any, float]:
        """Kill what the program left and collect it; the first child's resource usage, and the CPU seconds of all."""
        usage = running.usage
        if self.isolated:
            kill_all()
        else:
            kill(-running.pid)
        if usage is None:
            kill(running.pid)
            _, running.exit_status, usage = os.wait4(running.pid, 0)
        cpu_s = usage.ru_utime + usage.ru_stime
        give_up = time.monotonic() + KILL_PATIENCE_S
        while self.isolated and time.monotonic() < give_up:
            reaped_s = _reap_others()
            if reaped_s is None:
                break
            cpu_s += reaped_s
            time.sleep(0.0005)
            kill_all()
        return usage, max(cpu_s, running.total_cpu_s())

    def clean(self, uid: Optional[int]) -> bool:
        """Tell whether nothing of the program is left: no process, no file."""
        return self.shared.clean(uid) and (not self.isolated or _reap_others() is None)


def serve() -> None:
    """Answer frames on standard input until it ends."""
    hello = frames.read(0, regions.Region(mmap.PAGESIZE))
    if hello is None:
        return
    out = os.dup(1)
    os.dup2(2, 1)  # a stray print of a library must not break the frames
    if hello["jail"] is not None:
        found = jail.enter(hello["jail"])
        hello.update(isolated=found["isolated"], uids=found["uids"])
        if not found["isolated"]:
            hello["scratch"] = os.environ["TMPDIR"] = hello["jail"]["scratch"]
    else:
        found = {}
    hello["domain"] = jail.fence(found, hello["jail"], split=not hello["network"], execute=hello["execute"])
    hello["network"] = hello["network"] and found.get("isolated", False)
    sys.path[:] = [path for path in sys.path if path]
    loaded = [name for name in hello["preload"] if _import(name)]
    handed = regions.Region(frames.MAX_BLOB)  # not before the jail is entered: that forks, and no fork has a region
    worker = Worker(hello, out, handed)
    if hello["judges"]:
        limit = child.address_space() + JUDGE_MEMORY_BYTES
        resource.setrlimit(resource.RLIMIT_AS, (limit, resource.getrlimit(resource.RLIMIT_AS)[1]))
    gc.collect()
    gc.freeze()
    frames.write(out, {"nonce": hello["nonce"], "ready": True, "loaded": loaded, "facts": facts.collect(), **found})
    while True:
        handed.clear()
        request = frames.read(0, handed)
        if request is None:
            return
        reply, blob = worker.answer(request)
        frames.write(out, {"id": request["id"], "nonce": hello["nonce"], **reply}, blob)


def _import(name: str) -> bool:
    try:
        importlib.import_module(name)
    except ImportError:
        return False
    return True


def _reap_others() -> Optional[float]:
    """Collect children that have ended; their CPU seconds, or None when there is no child at all."""
    cpu_s = 0.0
    try:
        while True:
            pid, _, usage = os.wait4(-1, os.WNOHANG)
            if pid == 0:
                return cpu_s
            cpu_s += usage.ru_utime + usage.ru_stime
    except ChildProcessError:
        return cpu_s or None
