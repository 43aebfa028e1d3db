"""A container and the link to its worker, over a socket or the streams that Docker attaches."""

from __future__ import annotations

import contextlib
import select
import socket
import struct
import time
from typing import TYPE_CHECKING, Any

import docker.errors
import requests.exceptions

from ..errors import SandboxUnavailable
from . import worker_socket
from .engine import OWNER_LABEL, owner, remove
from .environments import Environment
from .link import BOOTSTRAP, START_PATIENCE_S, LinkLost
from .process import clean_environment
from .worker_socket import WorkerSocket

if TYPE_CHECKING:
    from docker import DockerClient

CAPABILITIES = ("SETUID", "SETGID", "KILL")
PIDS = 128
SCRATCH = "rw,nosuid,nodev,{},mode=1777,size={},nr_inodes=4096"
MULTIPLEX = struct.Struct(">BxxxI")
STDOUT = 1
MAX_PIECE = 1 << 20
LAST_WORDS_S = 1.0
"""For what a worker wrote to standard error, once it has hung up."""


class EngineLost(LinkLost):
    """The engine itself does not answer."""


class DockerLink:
    """A worker in a container: frames over a socket or the attached streams, its last words over the latter."""

    def __init__(
        self, client: DockerClient, image: str, *, cpu: int, memory_bytes: int, environment: Environment | None = None
    ) -> None:
        self._client = client
        self._out = bytearray()
        self._errors = bytearray()
        self._open = contextlib.ExitStack()
        """What `close` ends."""
        self._streams = select.poll()  # select(2) fails beyond 1,024 descriptors
        self._attachment = select.poll()
        try:
            with self._open:
                self._start(image, confinement(cpu, memory_bytes, environment))
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


def confinement(cpu: int, memory_bytes: int, environment: Environment | None = None) -> dict[str, Any]:
    """Return the host configuration of every container (docker SDK names); scratch folders are as `environment` has."""
    execute, scratch_bytes = (environment.executes, environment.scratch_bytes) if environment else (False, 64 << 20)
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
        "tmpfs": {"/tmp": SCRATCH.format("exec" if execute else "noexec", scratch_bytes)},  # noqa: S108 - inside the container
        "shm_size": 64 << 20,
        "log_config": {"Type": "none"},
        "oom_score_adj": 500,
        "auto_remove": True,
    }


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
