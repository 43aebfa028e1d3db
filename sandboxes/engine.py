"""The Docker Engine: reaching it, and clearing away what a killed harness left running.

Uses the `docker` SDK, which honours DOCKER_HOST and contexts' sockets as the docker command does.
"""

from __future__ import annotations

import os
import socket
import time
from pathlib import Path
from typing import TYPE_CHECKING

import docker
import docker.errors
import requests.exceptions

from ..errors import SandboxUnavailable, reason, root_cause

if TYPE_CHECKING:
    from docker import DockerClient

DEFAULT_ADDRESS = "unix:///var/run/docker.sock"
OWNER_LABEL = "evol-harness.owner"
RESTART_PATIENCE_S = 60.0
"""For an engine that is restarted in the middle of a run."""


def connect(timeout_s: int = 60) -> DockerClient:
    """Return a client of a running engine.

    Raises:
        SandboxUnavailable: none answers.
    """
    address = os.environ.get("DOCKER_HOST", DEFAULT_ADDRESS)
    try:
        _knock(address)
        client = docker.from_env(timeout=timeout_s)
        try:
            client.ping()
        except BaseException:
            client.close()
            raise
    except (OSError, docker.errors.DockerException, requests.exceptions.RequestException) as error:
        raise SandboxUnavailable(
            f'sandbox "docker": no engine answers at {address} ({reason(root_cause(error))}). '
            "Start Docker, or use --sandbox process"
        ) from error
    return client


def _knock(address: str) -> None:
    """Connect to a Unix socket and hang up: the SDK leaks a socket for every refused connection."""
    if address.startswith("unix://"):
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as door:
            door.connect(address.removeprefix("unix://"))


def await_engine(client: DockerClient, patience_s: float = RESTART_PATIENCE_S) -> None:
    """Return when the engine answers: at once, or when it has come back.

    Raises:
        SandboxUnavailable: it does not within `patience_s` seconds.
    """
    deadline = time.monotonic() + patience_s
    while True:
        if answers(client):
            return
        if time.monotonic() > deadline:
            raise SandboxUnavailable(
                f'sandbox "docker": the engine went away and did not come back within {patience_s:.0f} s. '
                "Start Docker and give the same command again; it resumes"
            )
        time.sleep(0.2)


def answers(client: DockerClient) -> bool:
    """Tell whether the engine of `client` answers now."""
    try:
        client.ping()
    except (docker.errors.APIError, requests.exceptions.RequestException):
        return False
    return True


def engine_answers() -> bool:
    """Tell whether an engine can be used now."""
    try:
        connect(timeout_s=3).close()
    except SandboxUnavailable:
        return False
    return True


def owner() -> str:
    """Return the name of this process, by which another can tell whether it still lives: host, pid, start time."""
    return f"{socket.gethostname()}:{os.getpid()}:{_start_time(os.getpid())}"


def reap_orphans(client: DockerClient) -> int:
    """Remove containers whose harness process on this host is gone; how many there were."""
    count = 0
    # Not `client.containers.list`, which asks for each one and fails where another harness has just removed it.
    for container in client.api.containers(all=True, filters={"label": OWNER_LABEL}):
        host, _, process = container["Labels"][OWNER_LABEL].partition(":")
        pid, _, started = process.partition(":")
        if host == socket.gethostname() and pid.isdigit() and _start_time(int(pid)) != started:
            remove(client, container["Id"])
            count += 1
    return count


def remove(client: DockerClient, container_id: str | None) -> None:
    """Kill and remove a container; one that is gone already is no error."""
    assert container_id is not None
    try:
        client.api.remove_container(container_id, force=True)
    except docker.errors.APIError as error:
        if error.status_code not in (404, 409):  # gone, or being removed already
            raise SandboxUnavailable(
                f'sandbox "docker": cannot remove container {container_id[:12]}: {error}'
            ) from error


def _start_time(pid: int) -> str:
    """Return when process `pid` started, in clock ticks since boot; "" if there is none."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    return stat.rpartition(")")[2].split()[19]
