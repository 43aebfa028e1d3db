"""Sandboxes under test: every test here runs in each of them."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.sandboxes import open_sandbox
from harness.types import Sandbox

REPOSITORY = Path(__file__).parents[2]
NOBODY = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
"""Makes a command an ordinary user's."""


@pytest.fixture(scope="session", params=[pytest.param("docker", marks=pytest.mark.docker), "process"])
def sandbox(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    """A started sandbox with two workers."""
    if request.param == "docker":
        request.getfixturevalue("core_image")
    with open_sandbox(request.param, environment="core", workers=2) as sandbox:
        yield sandbox


@pytest.fixture(scope="package")
def place() -> Iterator[Path]:
    """A folder that every user may read: `code` is a copy of the harness, `home` is for all to write to."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        package = folder / "code" / "harness"
        plain = shutil.ignore_patterns("__pycache__")
        shutil.copytree(REPOSITORY / "harness", package, ignore=plain)
        for part in ("sandboxes", "benchmarks"):
            shutil.copytree(REPOSITORY / part, package / part, ignore=plain)
        (folder / "home").mkdir()
        (folder / "home").chmod(0o777)
        yield folder
