"""Who may ask the viewer for what: hosts, links, sessions, paths; and what it says when it cannot start."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests

from tests.commands import harness, one_line_error, start
from tests.runs import outcomes, write_run

from .conftest import viewing


@pytest.fixture(scope="module")
def guarded(results: Path) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """The link of a viewer that listens at every address, and its process."""
    with viewing(results, "--host", "0.0.0.0") as started:
        yield started


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "[", "", "192.168.0.1"])
def test_a_name_of_another_site_is_refused(viewer: str, host: str) -> None:
    """Data and pages alike: the name is a page's that was rebound to this machine."""
    for path in ("", "api/board"):
        answer = requests.get(viewer + path, headers={"Host": host}, timeout=30)
        assert answer.status_code in (400, 421)
        assert "base-7b" not in answer.text


@pytest.mark.parametrize("host", ["localhost:9", "127.0.0.1", "[::1]:7575", "LOCALHOST"])
def test_names_of_this_machine_are_answered(viewer: str, host: str) -> None:
    """Whatever the port: it may be forwarded."""
    assert requests.get(viewer, headers={"Host": host}, timeout=30).status_code == 200


def test_every_answer_has_its_headers(viewer: str) -> None:
    """Refusals and errors too; scripts run by the page's nonce alone."""
    for path in ("", "nothing", "api/run?run=nothing", "run?run=a"):
        headers = requests.get(viewer + path, timeout=30).headers
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Cache-Control"] == "no-store"
        assert re.search(r"script-src '(none|nonce-[\w-]+)';", headers["Content-Security-Policy"])
        assert "server" not in headers
    nonces = {requests.get(viewer, timeout=30).headers["Content-Security-Policy"] for _ in range(2)}
    assert len(nonces) == 2


def test_only_reading_is_allowed(viewer: str) -> None:
    """Nothing can be sent."""
    for method in ("POST", "PUT", "DELETE", "OPTIONS"):
        assert requests.request(method, f"{viewer}run?run=a", timeout=30).status_code == 405


@pytest.mark.parametrize(
    "name",
    [
        "../outside",
        "..",
        "/etc",
        "a/../../outside",
        "%2e%2e/outside",
        "a/",
        "./a",
        "a\0",
        "linked",
        "file-linked",
        "\udcff",
    ],
)
def test_nothing_outside_the_folder_is_served(tmp_path: Path, name: str, outside_viewer: str) -> None:
    """By no path, and by no link; the message does not tell what is there."""
    for path in ("api/run", "api/rows", "part/about", "run"):
        answer = requests.get(
            outside_viewer + path, params={"run": name.encode("utf-8", "surrogateescape")}, timeout=60
        )
        assert answer.status_code in (404, 409), answer.text
        assert "secret-model" not in answer.text
    for path in ("../outside/run.json", "..%2foutside/run.json", "a/run.json", "static/a"):
        assert requests.get(outside_viewer + path, timeout=30).status_code == 404
    answer = requests.get(f"{outside_viewer}page", params={"page": "linked-page/loop.html"}, timeout=30)
    assert answer.status_code == 404


@pytest.fixture(scope="module")
def outside_viewer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A viewer of a folder with links that lead out of it."""
    folder = tmp_path_factory.mktemp("bounds")
    outside = write_run(folder / "outside", outcomes([0], n=2), model="secret-model")
    (folder / "outside" / "loop.html").write_text("secret-model")
    write_run(folder / "results" / "a", outcomes([0], n=2))
    (folder / "results" / "linked").symlink_to(outside)
    (folder / "results" / "file-linked").mkdir()
    (folder / "results" / "linked-page").mkdir()
    (folder / "results" / "linked-page" / "loop.html").symlink_to(outside / "loop.html")
    for name in ("run.json", "samples.jsonl", "verdicts.jsonl", "scores.json"):
        (folder / "results" / "file-linked" / name).symlink_to(outside / name)
    with viewing(folder / "results") as (url, _):
        board = requests.get(f"{url}api/board", timeout=30).json()
        assert [row["model"] for table in board["tables"] for row in table["rows"]] == ["m"]
        assert "leads out of" in board["skipped"][0]["reason"]
        yield url


def test_a_link_works_once_and_leaves_a_cookie(guarded: tuple[str, subprocess.Popen[str]]) -> None:
    """Strict, hidden from scripts; the next link is printed; without any of them nothing is told."""
    link, process = guarded
    parts = urlsplit(link)
    base = f"http://127.0.0.1:{parts.port}/"
    for path in ("", "api/board", "run?run=a", "?token=", "?token=wrong", f"?token={'x' * 43}"):
        answer = requests.get(base + path, timeout=30)
        assert answer.status_code == 403
        assert "base-7b" not in answer.text
        assert "Set-Cookie" not in answer.headers
    stolen = requests.get(base, cookies={"harness-view": "wrong"}, timeout=30)
    assert stolen.status_code == 403

    with requests.Session() as session:
        exchanged = session.get(f"{base}?{parts.query}", timeout=30)
        assert exchanged.status_code == 200
        assert "base-7b" not in exchanged.text
        cookie = exchanged.headers["Set-Cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=strict" in cookie
        assert parts.query.partition("=")[2] not in cookie
        assert "base-7b" in session.get(base, timeout=30).text

    assert requests.get(f"{base}?{parts.query}", timeout=30).status_code == 403
    assert process.stdout is not None
    assert process.stdout.readline().strip() != link


@pytest.mark.browser
def test_the_link_opens_the_board_in_a_browser(opened: object, results: Path) -> None:
    """The token leaves the address bar."""
    with viewing(results, "--host", "0.0.0.0") as (link, _):
        local = f"http://127.0.0.1:{urlsplit(link).port}/"
        page = opened(local + "?" + urlsplit(link).query)  # type: ignore[operator]
        page.locator(".board").first.wait_for()
        assert page.url == local
        assert page.evaluate("document.cookie") == ""


def test_what_does_not_exist_is_said(viewer: str) -> None:
    """As JSON to scripts, as a page to people, with what was asked for."""
    for path, status, message in (
        ("api/run?run=nothing", 404, "nothing is not in this folder"),
        ("api/run", 400, "0 runs are named"),
        ("api/sample?run=a&benchmark=humaneval&task=HumanEval/0&index=7", 404, "is not in this folder"),
        ("api/sample?run=a&benchmark=humaneval&task=HumanEval/0&index=-1", 400, "index must be the number of a sample"),
        ("api/problem?run=a&benchmark=mbpp&task=1", 404, "mbpp is not in this folder"),
        ("api/problem?run=a&benchmark=humaneval", 400, "task is not named"),
        ("api/diff?run=a&run=b&benchmark=humaneval&task=HumanEval/0&index=0", 400, "2 runs and 1 samples are named"),
        ("api/compare?run=a", 400, "a comparison needs two or more"),
    ):
        answer = requests.get(viewer + path, timeout=60)
        assert answer.status_code == status
        assert message in answer.json()["error"]
    page = requests.get(f"{viewer}run?run=<b>", timeout=30)
    assert page.status_code == 404
    assert "&lt;b&gt; is not in this folder" in page.text


def test_a_viewer_that_cannot_start_says_why(results: Path, tmp_path: Path) -> None:
    """A port in use, a folder without runs, none at all, an address that is not here; exit code 2."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        for arguments, message in (
            ((results, "--port", port), f"port {port} of 127.0.0.1 cannot be listened at"),
            ((tmp_path,), "holds no run"),
            ((tmp_path / "nothing",), "is not a folder"),
            ((results, "--port", "99999"), "port 99999 is none"),
            ((results, "--host", "192.0.2.1"), "192.0.2.1 cannot be listened at"),
        ):
            done = harness("view", *arguments)
            assert done.returncode == 2, done
            assert message in one_line_error(done)


def test_the_address_is_printed_as_json_too(results: Path) -> None:
    """For scripts that start a viewer; an interrupt ends it as it ends every command."""
    process = start("view", results, "--port", "0", "--json")
    assert process.stdout is not None
    text = "".join(iter(process.stdout.readline, "}\n")) + "}"
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)

    assert json.loads(text)["url"].startswith("http://127.0.0.1:")
    assert process.returncode == 130


def test_a_missing_package_is_named_with_its_extra(results: Path) -> None:
    """One line, exit code 2."""
    program = "import sys; sys.modules['starlette'] = None; from harness.cli import main; main(sys.argv[1:])"
    done = subprocess.run(
        [sys.executable, "-c", program, "view", str(results)], capture_output=True, text=True, timeout=60, check=False
    )

    assert done.returncode == 2, done
    assert "the viewer needs the package starlette: pip install '.[view]'" in one_line_error(done)
