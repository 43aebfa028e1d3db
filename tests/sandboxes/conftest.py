"""Sandboxes under test: every test here runs in each of them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from harness.sandboxes import open_sandbox
from harness.types import Sandbox


@pytest.fixture(scope="session", params=[pytest.param("docker", marks=pytest.mark.docker), "process"])
def sandbox(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    """A started sandbox with two workers."""
    if request.param == "docker":
        request.getfixturevalue("core_image")
    with open_sandbox(request.param, environment="core", workers=2) as sandbox:
        yield sandbox
