"""A Docker Engine of a test's own, to be stopped and started in the middle of a run."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


class PrivateEngine:
    """A `dockerd` with its own folders and socket, and no network; wants root."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._log = folder / "log"
        self.address = f"unix://{folder / 'sock'}"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def environment(self) -> dict[str, str]:
        """For commands that are to use this engine."""
        return {**os.environ, "DOCKER_HOST": self.address}

    def start(self) -> None:
        """Start it and wait until it answers."""
        folders = [f"--{name}={self._folder / name}" for name in ("data-root", "exec-root")]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [
                    *("dockerd", *folders, f"--pidfile={self._folder / 'pid'}", f"--host={self.address}"),
                    *("--bridge=none", "--iptables=false", "--ip-masq=false"),
                ],
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + 30
        while self.docker("version", check=False).returncode != 0:
            assert self._process.poll() is None, self._log.read_text()[-2000:]
            assert time.monotonic() < deadline, self._log.read_text()[-2000:]
            time.sleep(0.1)

    def stop(self) -> None:
        """End it, as an operator would, and wait for its end."""
        assert self._process is not None
        self._process.terminate()
        self._process.wait(timeout=60)

    def load(self, image: str) -> None:
        """Copy an image from the machine's engine."""
        with subprocess.Popen(["docker", "save", image], stdout=subprocess.PIPE) as saved:
            subprocess.run(
                ["docker", "load"], stdin=saved.stdout, env=self.environment, check=True, capture_output=True
            )

    def docker(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a docker command on it."""
        return subprocess.run(["docker", *arguments], env=self.environment, capture_output=True, text=True, check=check)

    def remove(self) -> None:
        """Stop it and clear away what it made."""
        if self._process is not None and self._process.poll() is None:
            self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)


@contextmanager
def private_engine(*images: str) -> Iterator[PrivateEngine]:
    """One that runs, with these images in it; the test is skipped where none can be started."""
    if os.geteuid() != 0 or shutil.which("dockerd") is None:
        pytest.skip("an engine of its own wants root and dockerd")
    made = PrivateEngine(Path(tempfile.mkdtemp(prefix="engine-")))
    try:
        made.start()
        for image in images:
            made.load(image)
        yield made
    finally:
        made.remove()
