"""The worker: a long-lived, pre-imported process that forks one child per program.

It is PID 1 of its container or namespace, so a program can neither signal nor outlive it: after each
program everything else in the namespace is killed and reaped. It never runs a program's code itself.
It ends when its standard input hangs up, which is how the death of the host is noticed.
"""

import gc
import importlib
import json
import os
import shutil
import sys
import time
from typing import Any, Callable, Dict, List, Optional, Set, Tuple

from . import calls, codec, facts, frames, jail, oracle
from .running import Running, kill, kill_all

KILL_PATIENCE_S = 5.0
FORMS: Dict[str, Callable[[bytes], Any]] = {"raw": bytes, "codec": codec.decode, "json": json.loads}
"""How the chunks of values that are stored are to be read; `raw` ones are for the child that needs them."""


class Worker:
    """Runs programs one after another; see `serve`."""

    def __init__(self, hello: Dict[str, Any]) -> None:
        self.nonce = hello["nonce"]
        self.isolated = hello["isolated"]
        self.has_uids = hello["uids"]
        self.domain = hello["domain"]
        self.scratch = hello["scratch"]
        folders = [path for path in (self.scratch, "/dev/shm")[: 2 if self.isolated else 1] if os.path.isdir(path)]
        self.shared = {folder: set(os.listdir(folder)) for folder in folders}
        self.stored: Dict[str, Dict[str, Any]] = {}
        self.count = 0

    def answer(self, request: Dict[str, Any], blob: bytes) -> Tuple[Dict[str, Any], bytes]:
        """The reply to one request, by its operation."""
        if request["op"] == "store":
            return self.store(request, blob), b""
        if request["op"] == "compare":
            return self.compare(request, blob), b""
        return self.run(request, blob)

    def store(self, request: Dict[str, Any], blob: bytes) -> Dict[str, Any]:
        """Keep `blob`'s chunks for later requests, under a key and a kind."""
        for key in request["drop"]:
            self.stored.pop(key, None)
        values: List[Any] = [FORMS[request["form"]](chunk) for chunk in frames.chunks(blob)]
        self.stored.setdefault(request["key"], {})[request["kind"]] = values
        return {"status": "stored"}

    def compare(self, request: Dict[str, Any], blob: bytes) -> Dict[str, Any]:
        """Judge what a candidate's calls returned; a worker that does this runs no candidate code."""
        stored = self.stored[request["key"]]
        (expected,) = stored[request["expected"]]
        (inputs,) = stored.get(request["inputs"], [[]])
        opaque: List[str] = []
        try:
            judge = oracle.Judge(request, expected, inputs, request["reveal"])
            status, detail = oracle.verdict_of_report(judge, blob, opaque)
        except calls.Unsure as error:
            return {"status": "unsure", "call": error.index}
        except (codec.Damaged, frames.FrameError) as error:
            status, detail = "tampered", str(error)
        return {"status": status, "detail": detail, "opaque": opaque}

    def run(self, request: Dict[str, Any], blob: bytes) -> Tuple[Dict[str, Any], bytes]:
        """Run one program; a status, what was used, whether this worker is still clean, and what it reported."""
        self.count += 1
        uid = jail.FIRST_UID + self.count % jail.UIDS if self.has_uids else None
        oom_before = facts.oom_kills()
        request.update(scratch=self.scratch, domain=self.domain, blob=blob)
        running = Running(request, self.stored.get(request.get("key", ""), {}), uid)
        running.watch()
        usage = self.reap(running)
        status, detail = running.outcome(facts.oom_kills() - oom_before)
        reply = {
            "status": status,
            "detail": detail,
            "cpu_time_s": usage.ru_utime + usage.ru_stime,
            "wall_time_s": running.wall_time_s,
            "peak_memory_bytes": usage.ru_maxrss * 1024,
            "more": running.more,
            "clean": self.clean(uid),
            "memory_bytes": facts.memory_peak() if self.isolated else 0,
        }
        # a flood goes a little over its cap, and must not break the frame
        return reply, bytes(running.report[1 : request["max_report"]]) if running.reports_values else b""

    def reap(self, running: Running) -> Any:
        """Kill what the program left and collect it; the first child's resource usage."""
        usage = running.usage
        if self.isolated:
            kill_all()
        else:
            kill(-running.pid)
        if usage is None:
            kill(running.pid)
            _, running.exit_status, usage = os.wait4(running.pid, 0)
        give_up = time.monotonic() + KILL_PATIENCE_S
        while self.isolated and _wait_any(os.WNOHANG) is not None and time.monotonic() < give_up:
            time.sleep(0.0005)
            kill_all()
        return usage

    def clean(self, uid: Optional[int]) -> bool:
        """True when nothing of the program is left: no process, no file."""
        for folder, kept in self.shared.items():
            if set(os.listdir(folder)) != kept:
                _empty_as(uid, folder, kept)
            if set(os.listdir(folder)) != kept:
                return False
        return not self.isolated or _wait_any(os.WNOHANG) is None


def serve() -> None:
    """Answer frames on standard input until it ends."""
    first = frames.read(0)
    if first is None:
        return
    hello = first[0]
    out = os.dup(1)
    os.dup2(2, 1)  # a stray print of a library must not break the frames
    if hello["jail"] is not None:
        found = jail.enter(hello["jail"])
        hello.update(isolated=found["isolated"], uids=found["uids"])
        if not found["isolated"]:
            hello["scratch"] = os.environ["TMPDIR"] = hello["jail"]["scratch"]
    else:
        found = {}
    hello["domain"] = jail.fence(found, hello["jail"])
    sys.path[:] = [path for path in sys.path if path]
    loaded = [name for name in hello["preload"] if _import(name)]
    gc.collect()
    gc.freeze()
    worker = Worker(hello)
    frames.write(out, {"nonce": worker.nonce, "ready": True, "loaded": loaded, "facts": facts.collect(), **found})
    while True:
        message = frames.read(0)
        if message is None:
            return
        reply, blob = worker.answer(*message)
        frames.write(out, {"id": message[0]["id"], "nonce": worker.nonce, **reply}, blob)


def _import(name: str) -> bool:
    try:
        importlib.import_module(name)
    except ImportError:
        return False
    return True


def _wait_any(flags: int) -> Optional[Tuple[int, int, Any]]:
    """(pid, status, usage) of a reaped child, (0, ...) when all still live, None when there is none."""
    try:
        while True:
            result = os.wait4(-1, flags)
            if result[0] == 0:
                return result
    except ChildProcessError:
        return None


def _empty_as(uid: Optional[int], folder: str, kept: Set[str]) -> None:
    """Empty `folder` of all but `kept`, as `uid` where this process lacks the right to."""
    if uid is None:
        _empty(folder, kept)
        return
    pid = os.fork()
    if pid == 0:
        try:
            os.setresuid(uid, uid, uid)
            _empty(folder, kept)
        finally:
            os._exit(0)
    os.waitpid(pid, 0)


def _empty(folder: str, kept: Set[str]) -> None:
    for entry in os.scandir(folder):
        if entry.name in kept:
            continue
        if entry.is_dir(follow_symlinks=False):
            os.chmod(entry.path, 0o700)
            shutil.rmtree(entry.path, ignore_errors=True)
        else:
            os.unlink(entry.path)
