"""Kill an engine's processes when the process that started them has ended, however it ended.

vLLM's engine runs in processes of its own. They outlive a parent that is killed with SIGKILL and would hold the memory
and the processor that the next run needs. A small watcher waits for the parent to die or to close its end of a pipe,
then kills the processes with the engine's mark in their environment.

Works on Linux only (it reads /proc); elsewhere it watches and finds nothing.
Run as a script by itself, so it imports nothing of the harness.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

MARK = "HARNESS_ENGINE"
PERIOD_S = 0.5
PATIENCE_S = 10.0
"""Time for killed processes to free their memory."""


class Lifeline:
    """Kills the processes started inside `mark_processes` when this process dies or calls `close`."""

    def __init__(self) -> None:
        self._token = uuid.uuid4().hex
        # A new session, because Ctrl-C in the terminal must not end the watcher before the engine.
        self._watcher = subprocess.Popen(
            [sys.executable, "-I", "-S", __file__, str(os.getpid()), self._token],
            stdin=subprocess.PIPE,
            start_new_session=True,
        )

    @contextmanager
    def mark_processes(self) -> Iterator[None]:
        """Mark processes started inside the block as the engine's."""
        # The engine renames its processes; without SPT_NOENV the new name is written over their environment.
        settings = {MARK: self._token, "SPT_NOENV": "1"}
        before = {key: os.environ.get(key) for key in settings}
        os.environ.update(settings)
        try:
            yield
        finally:
            for key, value in before.items():
                if value is None:
                    os.environ.pop(key, None)
                else:
                    os.environ[key] = value

    def close(self) -> None:
        """Kill the engine's remaining processes and wait until the watcher has ended."""
        if self._watcher.stdin is not None:
            self._watcher.stdin.close()
        self._watcher.wait()


def watch_parent(parent: int, token: str) -> None:
    """Wait until `parent` dies or closes our input, then kill the processes marked with `token`."""
    while os.getppid() == parent:
        ready, _, _ = select.select([0], [], [], PERIOD_S)
        if ready:
            break
    deadline = time.monotonic() + PATIENCE_S
    while (pids := find_marked(token)) and time.monotonic() < deadline:
        for pid in pids:
            # The process may have ended meanwhile.
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.05)


def find_marked(token: str) -> list[int]:
    """Find the engine's processes by their mark and their command line."""
    pids = []
    wanted = f"{MARK}={token}".encode()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            environment = (folder / "environ").read_bytes().split(b"\0")
            command = (folder / "cmdline").read_bytes()
        except OSError:
            # The process belongs to another user or has ended.
            continue
        # The resource tracker is the parent's own: it frees shared memory, then ends by itself.
        if wanted in environment and (command.startswith(b"VLLM") or b"multiprocessing.spawn" in command):
            pids.append(int(folder.name))
    return pids


if __name__ == "__main__":
    watch_parent(int(sys.argv[1]), sys.argv[2])
