"""A viewer as users start it, over runs that were written for it; Chromium, watched; axe-core."""

from __future__ import annotations

import io
import signal
import subprocess
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from harness.data import DataFile, obtain
from harness.errors import DataError
from harness.tasks.suite import load_suite
from tests.commands import start
from tests.report.conftest import browser
from tests.runs import FAILED, PASSED, outcomes, write_run

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

__all__ = ["browser"]
Open = Callable[..., "Page"]
AXE = DataFile(
    name="axe-core-4.14.1.tgz",
    sha256="e6b0ce02b84d892e2e33e403485e7f3d6c29e2be6df65daf44d89ba564139745",
    origin="npm, axe-core 4.14.1, MPL-2.0",
    url="https://registry.npmjs.org/axe-core/-/axe-core-4.14.1.tgz",
)
"""Fetched into the cache for the tests, and not kept in the repository."""


@contextmanager
def viewing(folder: Path, *arguments: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """The address that `harness view` prints, and its process; it is interrupted in the end."""
    process = start("view", folder, "--port", "0", *arguments)
    try:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        assert url.startswith("http://"), (url, process.communicate())
        yield url, process
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two greedy runs of twelve problems (two lost, three gained), and one with three samples each in a subfolder."""
    folder = tmp_path_factory.mktemp("results")
    digest = load_suite("humaneval").data_digest
    old, new = "    x = 1\n    return x\n", "    x = 1\n    return 2 * x\n"
    write_run(folder / "a", outcomes(range(6), n=12), model="models/base-7b", code=old, data_digest=digest)
    write_run(folder / "b", outcomes(range(2, 9), n=12), model="models/tuned-7b", code=new, data_digest=digest)
    sampled = {f"HumanEval/{at}": [PASSED, FAILED, FAILED] for at in range(12)}
    write_run(folder / "deep" / "c", sampled, model="sampled-1b", temperature=0.8, data_digest=digest)
    return folder


@pytest.fixture(scope="module")
def viewer(results: Path) -> Iterator[str]:
    """The address of a viewer of `results`."""
    with viewing(results) as (url, _):
        yield url


@pytest.fixture
def opened(browser: Browser) -> Iterator[Open]:
    """Opens an address; the test fails on a console message, an error, or a request to another server."""
    complaints: list[str] = []
    contexts = []

    def opener(url: str, *, width: int = 1280, scheme: str = "light") -> Page:
        context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)  # type: ignore[arg-type]
        contexts.append(context)
        page = context.new_page()
        own = urlsplit(url).netloc
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: None if _inside(request.url, own) else complaints.append(request.url))
        page.goto(url)
        return page

    yield opener
    for context in contexts:
        context.close()
    assert complaints == []


def _inside(url: str, own: str) -> bool:
    return urlsplit(url).netloc == own or url.startswith("data:")


@pytest.fixture(scope="session")
def axe() -> str:
    """The source of axe-core."""
    return _read_axe()


def _read_axe() -> str:
    try:
        packed = obtain(AXE).read_bytes()
    except DataError as error:
        pytest.skip(str(error))
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        source = archive.extractfile("package/axe.min.js")
        assert source is not None
        return source.read().decode()
