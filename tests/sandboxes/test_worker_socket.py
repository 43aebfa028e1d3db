"""The socket between host and container: there for the worker alone, and done without where it cannot be had."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from harness.sandboxes import docker_link, open_sandbox
from harness.sandboxes.engine import connect
from harness.sandboxes.link import LinkLost, Role, Worker
from harness.sandboxes.worker_socket import SHOWN_AT, WorkerSocket
from harness.types import Status

from .work import HONEST, outcome, work

pytestmark = pytest.mark.docker


class Unreachable(WorkerSocket):
    """Nobody may connect, as where SELinux forbids it."""

    def __init__(self) -> None:
        super().__init__()
        next(Path(self._folder.name).rglob("worker")).chmod(0)


class Elsewhere(WorkerSocket):
    """In a folder that the engine does not have, as one on another machine."""

    def __init__(self) -> None:
        super().__init__()
        self.mount["Source"] = "/nonexistent/folder"


class NoRoom(WorkerSocket):
    """In a folder whose path is too long for a socket."""

    def __init__(self) -> None:
        raise OSError("AF_UNIX path too long")


@contextmanager
def worker(image: str) -> Iterator[tuple[docker_link.DockerLink, Worker]]:
    """A worker in a container, and the link to it."""
    with closing(connect()) as client:
        link = docker_link.DockerLink(client, image, cpu=0, memory_bytes=1 << 30)
        try:
            yield link, Worker(link, Role.CANDIDATE, jail=None, preload=())
        finally:
            link.close()


def test_a_program_finds_an_empty_folder_that_it_cannot_write_to(core_image: str) -> None:
    """The socket is gone before any program runs, its folder too, so that nobody can put another in its place."""
    assert core_image
    source = f"import os\nopen('{SHOWN_AT}/x', 'w') if not os.listdir('{SHOWN_AT}') else None\n"
    with open_sandbox("docker", environment="core", workers=1) as sandbox:
        found = outcome(sandbox, work(source))

    assert found.status is Status.RUNTIME_ERROR
    assert f"'{SHOWN_AT}/x'" in found.detail


def test_frames_come_over_the_socket_and_its_folder_is_removed(
    core_image: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On an engine of this machine, whose root has no more rights than the container's."""
    folders: list[Path] = []

    class Noted(WorkerSocket):
        def __init__(self) -> None:
            super().__init__()
            folders.append(Path(self._folder.name))

    monkeypatch.setattr(docker_link, "WorkerSocket", Noted)
    with worker(core_image) as (link, _):
        assert link._frames is not link._attached
        assert folders
        assert not any(folder.exists() for folder in folders)


@pytest.mark.parametrize("kind", [Unreachable, Elsewhere, NoRoom])
def test_where_there_is_no_socket_the_attached_streams_serve(
    core_image: str, monkeypatch: pytest.MonkeyPatch, kind: type[WorkerSocket]
) -> None:
    """They are slower and need nothing but the engine."""
    monkeypatch.setattr(docker_link, "WorkerSocket", kind)
    with worker(core_image) as (link, _):
        assert link._frames is link._attached
    with open_sandbox("docker", environment="core", workers=1) as sandbox:
        assert outcome(sandbox, work(HONEST)).status is Status.PASSED


def test_the_last_words_of_a_worker_are_told(core_image: str) -> None:
    """They come over the attached streams, after the socket has been hung up."""
    with worker(core_image) as (link, _):
        link.send(b"\xff" * 64)
        with pytest.raises(LinkLost, match="the container"):
            link.receive(1, time.monotonic() + 30)

        assert "over the cap" in link.close()
