"""The `docker` sandbox: long-lived, hardened containers, one worker in each.

A container costs 0.2 s to start and a program 2 ms to run, so containers live as long as the run and
programs are forked inside them. Frames travel over a Unix socket that is gone before any program runs, or over the
attached standard streams: no network. What was asked of the engine is read back from inside before any program runs.
"""

from __future__ import annotations

import contextlib
import os
import select
import socket
import struct
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import docker.errors
import requests.exceptions

from ..errors import SandboxUnavailable
from ..types import Key, Outcome, Trust, Work
from . import worker_socket
from .engine import OWNER_LABEL, answers, await_engine, connect, owner, reap_orphans, remove
from .environments import environment as environment_named
from .expected import Expected
from .images import image_of
from .link import BOOTSTRAP, START_PATIENCE_S, LinkLost, Role, Worker
from .pool import Pool
from .process import clean_environment, expected_seconds
from .selftest import not_in_force as not_in_force_for_programs
from .slot import Slot
from .worker_socket import WorkerSocket

if TYPE_CHECKING:
    from docker import DockerClient

CAPABILITIES = ("SETUID", "SETGID", "KILL")
PIDS = 128
OVERHEAD_BYTES = 512 << 20
"""Room beside a program for the worker, its imports and the scratch folders."""
SCRATCH = "rw,nosuid,nodev,noexec,mode=1777,size=64m,nr_inodes=4096"
MULTIPLEX = struct.Struct(">BxxxI")
STDOUT = 1
MAX_PIECE = 1 << 20
LAST_WORDS_S = 1.0
"""For what a worker wrote to standard error, once it has hung up."""
RESTARTS = 5
"""Of the engine, while one container is started."""


class EngineLost(LinkLost):
    """The engine itself does not answer."""


class DockerLink:
    """A worker in a container: frames over a socket or the attached streams, its last words over the latter."""

    def __init__(self, client: DockerClient, image: str, *, cpu: int, memory_bytes: int) -> None:
        self._client = client
        self._out = bytearray()
        self._errors = bytearray()
        self._open = contextlib.ExitStack()
        """What `close` ends."""
        self._streams = select.poll()  # select(2) fails beyond 1,024 descriptors
        self._attachment = select.poll()
        try:
            with self._open:
                self._start(image, confinement(cpu, memory_bytes))
                self._open = self._open.pop_all()  # kept open
        except requests.exceptions.RequestException as error:
            raise EngineLost(f"the engine went away: {error}") from error
        except docker.errors.DockerException as error:
            raise LinkLost(f"the engine did not start a container: {error}") from error

    def send(self, data: bytes) -> None:
        """Implement `Link.send`."""
        try:
            self._frames.sendall(data)
        except OSError as error:
            raise LinkLost(f"the container is gone: {error}") from error

    def receive(self, size: int, deadline: float) -> bytes:
        """Implement `Link.receive`."""
        while len(self._out) < size:
            if self._attached.fileno() in _ready(self._streams, deadline):
                self._receive_chunk(deadline)
            else:
                self._receive_frames()
        data = bytes(self._out[:size])
        del self._out[:size]
        return data

    def interrupt(self) -> None:
        """Implement `Link.interrupt`."""
        for one in (self._attached, self._frames):
            with contextlib.suppress(OSError):  # hung up already
                one.shutdown(socket.SHUT_RDWR)

    def close(self) -> str:
        """Implement `Link.close`."""
        self._open.close()
        text = self._errors.decode("utf-8", "replace").strip()
        return text.splitlines()[-1] if text else ""

    def _start(self, image: str, host_config: dict[str, Any]) -> None:
        """Create a container, attach to its streams, start it, and find out how frames reach its worker."""
        with contextlib.ExitStack() as until_connected:
            door = self._worker_socket()
            if door is not None:
                until_connected.callback(door.close)
            try:
                container_id = self._create(image, host_config, door)
            except docker.errors.APIError as error:
                if door is None or not error.is_client_error():
                    raise
                door = None  # the engine has no such folder: it is on another machine
                container_id = self._create(image, host_config, door)
            self._open.callback(self._remove, container_id)
            streams = {"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1}
            stream = self._client.api.attach_socket(container_id, params=streams)
            self._attached: socket.socket = getattr(stream, "_sock", stream)
            self._open.callback(stream.close)  # holds a reference of its own to the descriptor
            self._open.callback(self._attached.close)
            self._attached.settimeout(None)
            self._client.api.start(container_id)
            for poll in (self._streams, self._attachment):
                poll.register(self._attached, select.POLLIN)
            self._frames = self._attached if door is None else self._accept_worker(door)

    @staticmethod
    def _worker_socket() -> WorkerSocket | None:
        try:
            return WorkerSocket()
        except OSError:
            return None

    def _accept_worker(self, door: WorkerSocket) -> socket.socket:
        """Return the socket by which the worker connects, or the attached one if it says that it cannot."""
        deadline = time.monotonic() + START_PATIENCE_S
        self._streams.register(door, select.POLLIN)
        while door.fileno() not in _ready(self._streams, deadline):
            self._receive_chunk(deadline)
            if self._out == worker_socket.REFUSED:
                self._out.clear()
                self._streams.unregister(door)
                return self._attached
        self._streams.unregister(door)
        connection = door.accept()
        self._open.callback(connection.close)
        self._streams.register(connection, select.POLLIN)
        return connection

    def _remove(self, container_id: str) -> None:
        # should the engine be gone, the worker ends by itself as its input hangs up
        with contextlib.suppress(SandboxUnavailable, requests.exceptions.RequestException):
            remove(self._client, container_id)

    def _create(self, image: str, host_config: dict[str, Any], door: WorkerSocket | None) -> str:
        mounts = [] if door is None else [door.mount]
        bootstrap = BOOTSTRAP if door is None else worker_socket.BOOTSTRAP + BOOTSTRAP
        created = self._client.api.create_container(
            image,
            command=["python3", "-s", "-c", bootstrap],
            environment=clean_environment(),
            stdin_open=True,
            user="0:0",
            labels={OWNER_LABEL: owner()},
            host_config=self._client.api.create_host_config(mounts=mounts, **host_config),
        )
        container_id: str = created["Id"]
        return container_id

    def _receive_frames(self) -> None:
        """Receive what the worker sent over its own socket; at its end, first what it wrote to standard error."""
        try:
            self._out += _some(self._frames, MAX_PIECE)
        except LinkLost:
            with contextlib.suppress(LinkLost):
                while True:
                    self._receive_chunk(time.monotonic() + LAST_WORDS_S)
            raise

    def _receive_chunk(self, deadline: float) -> None:
        """Receive one multiplexed chunk of the attached streams into the buffer of its stream."""
        kind, size = MULTIPLEX.unpack(self._exactly(MULTIPLEX.size, deadline))
        data = self._exactly(size, deadline)
        if kind == STDOUT:
            self._out += data
        else:
            self._errors = (self._errors + data)[-4000:]

    def _exactly(self, size: int, deadline: float) -> bytes:
        chunks = []
        while size:
            _ready(self._attachment, deadline)
            chunks.append(_some(self._attached, min(size, MAX_PIECE)))
            size -= len(chunks[-1])
        return b"".join(chunks)


def _ready(poll: select.poll, deadline: float) -> list[int]:
    """Return the descriptors to which something has come.

    Raises:
        LinkLost: nothing has by the deadline.
    """
    ready = poll.poll(1000 * max(0.0, deadline - time.monotonic()))
    if not ready:
        raise LinkLost("the container stopped answering")
    return [descriptor for descriptor, _ in ready]


def _some(stream: socket.socket, most: int) -> bytes:
    """Return what has come over a socket, at most `most` bytes.

    Raises:
        LinkLost: it was hung up.
    """
    try:
        data = stream.recv(most)
    except OSError as error:
        raise LinkLost(f"the container is gone: {error}") from error
    if not data:
        raise LinkLost("the container ended")
    return data


class DockerSandbox:
    """See the module; `workers` containers run side by side.

    Raises:
        SandboxUnavailable: no engine, no image, or a limit that is not in force inside.
    """

    name = "docker"

    def __init__(self, *, environment: str, workers: int, trust: Trust, allow_unsafe: bool) -> None:
        del allow_unsafe  # a container without namespaces there is none
        self._environment = environment_named(environment)
        self._workers = workers
        self._trust = trust
        self._client = connect()
        try:
            self._image = image_of(self._client, self._environment)
            self._cpus = usable_cpus(int(self._client.info()["NCPU"]))
        except BaseException:
            self._client.close()
            raise
        expected = Expected(f"docker {self._image.id}")
        self._pool = Pool(
            lambda number: Slot(self._starter(number), expected, trust=trust, nproc=None),
            workers,
            expected_seconds(expected),
        )
        self._facts: Mapping[str, Any] = {}

    def __enter__(self) -> DockerSandbox:
        try:
            reap_orphans(self._client)
            self._facts = self._pool.open(self._environment.name).facts
        except BaseException:
            self._client.close()
            raise
        return self

    def __exit__(self, *exc: object) -> None:
        self._pool.close()
        self._client.close()

    def describe(self) -> Mapping[str, Any]:
        """Implement `Sandbox.describe`."""
        facts = self._facts["facts"]
        return {
            "sandbox": self.name,
            "environment": self._environment.name,
            "workers": self._workers,
            "trust": self._trust.value,
            "image": self._image.tags[0],
            "image_digest": self._image.id,
            "engine": self._client.version()["Version"],
            "python": facts["python"],
            "preloaded": self._facts["loaded"],
            "peak_memory_bytes": self._pool.peak_memory_bytes,
            "enforced": [
                "no network; own pid, IPC and mount namespaces",
                "read-only root; private /tmp and /dev/shm of 64 MB",
                f"memory of all processes together {facts['memory_limit_bytes'] >> 20} MB, no swap",
                f"at most {facts['pids_limit']} processes",
                "a user id of its own, no capabilities and no new privileges per program",
                "Docker's default seccomp profile",
                *self._facts["enforced"],
                "CPU time, address space, file size and open files per program",
            ],
            "not_enforced": self._facts["not_enforced"],
        }

    def run(self, work: Iterable[Work]) -> Iterator[tuple[Key, Outcome]]:
        """Implement `Sandbox.run`."""
        return self._pool.run(work)

    def _starter(self, slot: int) -> Callable[[Role, str, str], Worker]:
        return partial(self._start, slot)

    def _start(self, slot: int, role: Role, environment: str, group: str) -> Worker:
        for _ in range(RESTARTS):
            await_engine(self._client)
            try:
                return self._start_once(slot, role, environment, group)
            except (EngineLost, requests.exceptions.RequestException):
                continue
            except LinkLost:
                # a container that dies as it starts: by its own fault, or with its engine
                if answers(self._client):
                    raise
        raise LinkLost(f"the engine went away {RESTARTS} times while a container was started")

    def _start_once(self, slot: int, role: Role, environment: str, group: str) -> Worker:
        wanted = environment_named(environment)
        image = image_of(self._client, wanted).id
        assert image is not None
        memory_bytes = wanted.memory_bytes + OVERHEAD_BYTES
        link = DockerLink(self._client, image, cpu=self._cpus[slot % len(self._cpus)], memory_bytes=memory_bytes)
        try:
            worker = Worker(link, role, jail=None, preload=wanted.preloads[group])
        except LinkLost as error:
            raise LinkLost(f"{error} {link.close()}".strip()) from error
        try:
            missing = not_in_force(worker.facts["facts"], memory_bytes) + not_in_force_for_programs(
                worker, isolated=True, uids=True, filtered=True, nproc=None
            )
        except LinkLost as error:
            raise LinkLost(f"{error} {worker.close()}".strip()) from error
        if missing:
            worker.close()
            raise SandboxUnavailable(f'sandbox "docker": not in force inside the container: {", ".join(missing)}')
        return worker


def usable_cpus(engine_cpus: int) -> list[int]:
    """Return the numbers of the CPUs that containers are pinned to: this process's own, or all of a larger machine's.

    An engine on another machine has CPUs of its own, of which this process's affinity says nothing.
    """
    own = sorted(os.sched_getaffinity(0))
    return own if own[-1] < engine_cpus else list(range(engine_cpus))


def confinement(cpu: int, memory_bytes: int) -> dict[str, Any]:
    """Return the host configuration of every container (docker SDK names)."""
    return {
        "network_mode": "none",
        "read_only": True,
        "cap_drop": ["ALL"],
        "cap_add": list(CAPABILITIES),
        "security_opt": ["no-new-privileges"],
        "pids_limit": PIDS,
        "mem_limit": memory_bytes,
        "memswap_limit": memory_bytes,
        "cpuset_cpus": str(cpu),
        "tmpfs": {"/tmp": SCRATCH},  # noqa: S108 - inside the container
        "shm_size": 64 << 20,
        "log_config": {"Type": "none"},
        "oom_score_adj": 500,
        "auto_remove": True,
    }


def not_in_force(facts: Mapping[str, Any], memory_bytes: int) -> list[str]:
    """Return what `confinement` promised and the worker does not see."""
    promised = {
        "no network": facts["interfaces"] in ([], ["lo"]),
        "read-only root": not facts["root_writable"],
        "no new privileges": facts["no_new_privs"],
        "dropped capabilities": int(facts["capabilities"] or "-1", 16) == 0b11100000,
        # the first is Docker's, the second ours
        "seccomp filters": facts["seccomp"] == 2 and facts["seccomp_filters"] in (None, 2),
        "memory limit": facts["memory_limit_bytes"] == memory_bytes,
        "process limit": facts["pids_limit"] == PIDS,
        "pid namespace": facts["pid"] == 1,
    }
    return [name for name, holds in promised.items() if not holds]
