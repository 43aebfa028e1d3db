"""A headless Chromium, and pages that are watched while they are used."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.conftest import chromium

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

Open = Callable[..., "Page"]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The system's Chromium; Playwright keeps an event loop running, which other modules' tests must not meet."""
    from playwright.sync_api import sync_playwright

    # Root, as in containers, cannot use Chromium's own sandbox; the pages are ours.
    with (
        sync_playwright() as playwright,
        playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"]) as started,
    ):
        yield started


@pytest.fixture
def opened(browser: Browser) -> Iterator[Open]:
    """Opens a file; the test fails on a console message, an error, or a request that leaves the file."""
    complaints: list[str] = []
    contexts = []

    def opener(path: Path, *, width: int = 1280, scheme: str = "light") -> Page:
        context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)  # type: ignore[arg-type]
        contexts.append(context)
        page = context.new_page()
        own = path.resolve().as_uri()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: None if _inside(request.url, own) else complaints.append(request.url))
        page.goto(own)
        return page

    yield opener
    for context in contexts:
        context.close()
    assert complaints == []


def _inside(url: str, own: str) -> bool:
    return url.partition("#")[0] == own or url.startswith("data:")
