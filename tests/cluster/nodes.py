"""Ray nodes of a test's own: real `ray start` processes on this machine, ended by their ids alone."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

RAY = str(Path(sys.executable).parent / "ray")
START_S = 60.0


class Node:
    """One `ray start --block`, which ends its own processes when it is told to end."""

    def __init__(
        self, name: str, arguments: Sequence[str], *, prefix: Sequence[str], environment: Mapping[str, str], log: Path
    ) -> None:
        self.name = name
        self._log = log
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                [*prefix, RAY, "start", "--block", "--disable-usage-stats", f"--node-name={name}", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env={**os.environ, "RAY_USAGE_STATS_ENABLED": "0", "RAY_AUTH_MODE": "disabled", **environment},
                start_new_session=True,
            )

    def wait(self) -> None:
        """Until it is up."""
        deadline = time.monotonic() + START_S
        while "Ray runtime started" not in (written := self._log.read_text(errors="replace")):
            assert self.process.poll() is None, written[-2000:]
            assert time.monotonic() < deadline, written[-2000:]
            time.sleep(0.05)

    def processes(self) -> dict[int, str]:
        """What it runs: the ids of its own processes and of their children, with their command lines."""
        found: dict[int, str] = {}
        waiting = [self.process.pid]
        while waiting:
            pid = waiting.pop()
            try:
                found[pid] = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                for task in Path(f"/proc/{pid}/task").iterdir():
                    waiting += map(int, (task / "children").read_text().split())
            except OSError:
                continue  # ended meanwhile
        return found

    def kill(self) -> None:
        """As when the machine loses its power: no process of it says goodbye."""
        for pid in self.processes():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        self.process.wait()

    def stop(self) -> None:
        """End it, as its owner would."""
        if self.process.poll() is None:
            own = list(self.processes())
            self.process.terminate()
            try:
                self.process.wait(timeout=40)
            except subprocess.TimeoutExpired:
                self.kill()
            _await_end(own)


class LocalCluster:
    """A head and nodes that join it; a context manager that ends them all."""

    def __init__(
        self,
        *,
        cpus: int = 1,
        name: str = "head",
        prefix: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
        address: str = "127.0.0.1",
        dashboard: bool = False,
    ) -> None:
        # Short: the paths of its sockets must fit 107 bytes.
        self.folder = Path(tempfile.mkdtemp(prefix="ray-"))
        self.host = address
        ports = free_ports(4)
        self.address, self.client_address = f"{address}:{ports[0]}", f"ray://{address}:{ports[1]}"
        self.metrics_address = f"http://{address}:{ports[3]}/metrics"
        own = [] if address == "127.0.0.1" else [f"--node-ip-address={address}", f"--dashboard-host={address}"]
        self.nodes: dict[str, Node] = {
            name: Node(
                name,
                [
                    *("--head", f"--port={ports[0]}", f"--ray-client-server-port={ports[1]}", f"--num-cpus={cpus}"),
                    *(f"--temp-dir={self.folder}", f"--include-dashboard={str(dashboard).lower()}", *own),
                    *(f"--dashboard-port={ports[2]}", f"--metrics-export-port={ports[3]}"),
                    f"--object-store-memory={100 << 20}",
                ],
                prefix=prefix,
                environment=environment or {},
                log=self.folder / "head.log",
            )
        }
        self.nodes[name].wait()

    def add(
        self,
        name: str,
        *,
        cpus: int = 1,
        prefix: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
        arguments: Sequence[str] = (),
        wait: bool = True,
    ) -> Node:
        """Start another node that joins."""
        node = Node(
            name,
            [
                *(f"--address={self.address}", f"--num-cpus={cpus}", f"--object-store-memory={100 << 20}"),
                *arguments,
            ],
            prefix=prefix,
            environment=environment or {},
            log=self.folder / f"{name}.log",
        )
        self.nodes[name] = node
        if wait:
            node.wait()
        return node

    def wait_for_clients(self) -> None:
        """Until it listens to them, which is later than a head says that it is up."""
        host, port = self.client_address.removeprefix("ray://").split(":")
        deadline = time.monotonic() + START_S
        while True:
            try:
                socket.create_connection((host, int(port)), timeout=1).close()
                return
            except OSError:
                assert time.monotonic() < deadline, "the head does not listen to clients"
                time.sleep(0.05)

    def __enter__(self) -> LocalCluster:
        return self

    def __exit__(self, *exc: object) -> None:
        # The head last: nodes that lose it first wait for it to come back.
        for node in reversed(list(self.nodes.values())):
            node.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens at now."""
    doors = [socket.socket() for _ in range(count)]
    for door in doors:
        door.bind(("127.0.0.1", 0))
    ports = [door.getsockname()[1] for door in doors]
    for door in doors:
        door.close()
    return ports


def _await_end(pids: Sequence[int], patience_s: float = 10.0) -> None:
    """Until all are gone; what does not go is killed."""
    deadline = time.monotonic() + patience_s
    left = list(pids)
    while left:
        left = [pid for pid in left if Path(f"/proc/{pid}").exists()]
        if left and time.monotonic() > deadline:
            for pid in left:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    continue
            return
        time.sleep(0.05)
