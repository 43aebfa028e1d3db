"""The web application of `harness view`: routes, pages, and the server that runs it (Starlette, uvicorn)."""

from __future__ import annotations

import secrets
import socket
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from ..errors import HarnessError, UsageError
from ..report import headline
from ..report.board import build_tables, list_published
from ..report.templates import render
from ..report.wording import replace_unprintable
from ..service.listening import is_loopback, listen
from . import written_pages
from .access import POLICY, TOKEN, Access
from .folder import ResultsFolder, read_begun_manifest
from .fragments import Fragments
from .payloads import Payloads
from .written_pages import select_lineage

MOST_RUNS = 8
"""Runs that a problem page or a comparison shows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSettings:
    """Where the viewer listens."""

    host: str = "127.0.0.1"
    port: int = 7575
    """0: any that is free."""


def serve(root: Path, settings: ServerSettings, tell: Callable[[str], None]) -> None:
    """Serve the runs at and below `root` until the process is interrupted; `tell` is given each address to open.

    Raises:
        StoreError: the folder holds no run.
        UsageError: the address cannot be listened at.
    """
    folder = ResultsFolder(root)
    folder.require_runs()
    folder.list_entries()  # what is read before the address is told does not delay the first page
    with listen(settings.host, settings.port) as listener:
        base = _format_address(settings.host, listener.getsockname()[1])
        tell_link = None
        if is_loopback(settings.host):
            tell(base)
        else:
            tell_link = lambda token: tell(f"{base}?{TOKEN}={token}")  # noqa: E731
        config = uvicorn.Config(
            build_application(folder, tell_link),
            log_level="warning",
            access_log=False,
            server_header=False,
            ws="none",
            lifespan="off",
        )
        uvicorn.Server(config).run(sockets=[listener])


def build_application(folder: ResultsFolder, tell_link: Callable[[str], None] | None = None) -> Access:
    """Build the ASGI application; `tell_link` as `Access` takes it."""
    pages, data = Pages(folder), Payloads(folder)
    fragments = Fragments(folder)
    routes = [
        Route("/", _page(pages.show_board)),
        Route("/run", _page(pages.show_run)),
        Route("/problem", _page(pages.show_problem)),
        Route("/compare", _page(pages.show_comparison)),
        Route("/page", _written_page(pages.show_written_page)),
        Route("/api/board", _json(lambda _: data.build_board())),
        Route("/api/run", _json(lambda query: data.build_progress(query.run))),
        Route("/api/rows", _json(lambda query: data.build_rows(query.run))),
        Route("/api/problem", _json(lambda query: data.build_problem(query.runs, query.benchmark, query.task))),
        Route(
            "/api/sample",
            _json(lambda query: data.build_sample(query.run, query.benchmark, query.task, query.numbers[0])),
        ),
        Route(
            "/api/diff", _json(lambda query: data.build_diff(query.runs, query.benchmark, query.task, query.numbers))
        ),
        Route("/api/compare", _json(lambda query: fragments.compare(query.runs)["data"])),
        Route("/part/compare", _json(lambda query: fragments.compare(query.runs)["page"])),
        Route("/part/about", _json(lambda query: fragments.describe_run(query.run))),
    ]
    return Access(Starlette(routes=routes), tell_link)


class Query:
    """Parameters of a request, checked when they are read.

    Raises:
        UsageError: a parameter is missing or has no sense.
    """

    def __init__(self, request: Request) -> None:
        self._parameters = request.query_params

    @property
    def runs(self) -> list[str]:
        """Return the runs that are named, each once."""
        names = list(dict.fromkeys(self._parameters.getlist("run")))
        if not 1 <= len(names) <= MOST_RUNS:
            raise UsageError(f"{len(names)} runs are named; name from 1 to {MOST_RUNS}")
        return names

    @property
    def run(self) -> str:
        """Return the first run that is named."""
        return self.runs[0]

    @property
    def benchmark(self) -> str:
        """Return the benchmark."""
        return self._read("benchmark")

    @property
    def task(self) -> str:
        """Return the problem."""
        return self._read("task")

    @property
    def page(self) -> str:
        """Return the name of a written page."""
        return self._read("page")

    @property
    def numbers(self) -> list[int]:
        """Return the indices of samples."""
        texts = self._parameters.getlist("index")
        if not texts or not all(text.isascii() and text.isdigit() and len(text) < 9 for text in texts):
            raise UsageError("index must be the number of a sample")
        return [int(text) for text in texts]

    def _read(self, name: str) -> str:
        try:
            return self._parameters[name]
        except KeyError as error:
            raise UsageError(f"{name} is not named") from error


class Pages:
    """The HTML pages: frames with what is known at once; their scripts fetch the rest."""

    def __init__(self, folder: ResultsFolder) -> None:
        self._folder = folder
        self._data = Payloads(folder)

    def show_board(self, _: Query, nonce: str) -> str:
        """Render the board."""
        entries = self._folder.list_entries()
        tables = build_tables(score for entry in entries for score in entry.scores)
        return self._render(
            "board.html",
            nonce,
            tables=tables,
            plots=[],
            published=list_published(tables),
            skipped=[replace_unprintable(f"not read: {entry.problem}") for entry in entries if entry.problem],
            pages=[page.link for page in self._folder.list_pages().values()],
        )

    def show_run(self, query: Query, nonce: str) -> str:
        """Render a run's page."""
        manifest = read_begun_manifest(self._folder.find_run(query.run))
        return self._render(
            "run.html",
            nonce,
            trail=[(query.run, "")],
            subject=replace_unprintable(headline.name_model(manifest)),
            digest=replace_unprintable(headline.shorten_weights_digest(manifest)),
            lines=headline.describe_run(manifest),
            published=headline.describe_published(manifest),
            pages=[page.link for page in select_lineage(self._folder.list_pages().values(), manifest)],
        )

    def show_problem(self, query: Query, nonce: str) -> str:
        """Render a problem's page with the samples of the chosen runs."""
        runs = query.runs
        for run in runs:
            self._folder.find_run(run)
        return self._render(
            "problem.html",
            nonce,
            trail=[(run, _make_url("/run", [("run", run)])) for run in runs[:1]] + [(query.task, "")],
            task=replace_unprintable(query.task),
            benchmark=replace_unprintable(query.benchmark),
            others=self._data.list_others(query.benchmark, runs) if len(runs) < MOST_RUNS else [],
            compare=_make_url("/compare", [("run", run) for run in runs]) if len(runs) > 1 else "",
        )

    def show_comparison(self, query: Query, nonce: str) -> str:
        """Render the frame of a comparison."""
        for run in query.runs:
            self._folder.find_run(run)
        return self._render("comparing.html", nonce, trail=[("comparison", "")])

    def show_written_page(self, query: Query) -> bytes:
        """Return a page that another command left."""
        return self._folder.list_pages()[query.page].file.read_bytes()

    def _render(self, template: str, nonce: str, **values: Any) -> str:
        root = replace_unprintable(str(self._folder.root))
        return render(template, layout="served.html", nonce=nonce, **{"root": root, "trail": [], **values})


def _page(show: Callable[[Query, str], str]) -> Callable[[Request], Response]:
    """Return the endpoint of a page, whose scripts alone may run."""

    def answer(request: Request) -> Response:
        nonce = secrets.token_urlsafe(16)
        status, text = _run(partial(show, Query(request), nonce), request)
        if status != 200:
            text = render("missing.html", layout="served.html", root="", trail=[], reason=text)
        policy = POLICY.format(script=f"'nonce-{nonce}'")
        return HTMLResponse(text, status, {"Content-Security-Policy": policy})

    return answer


def _written_page(read: Callable[[Query], bytes]) -> Callable[[Request], Response]:
    def answer(request: Request) -> Response:
        status, found = _run(partial(read, Query(request)), request)
        if status != 200:
            return PlainTextResponse(found, status)
        return HTMLResponse(found, headers={"Content-Security-Policy": written_pages.POLICY})

    return answer


def _json(build: Callable[[Query], Mapping[str, Any]]) -> Callable[[Request], Response]:
    """Return the endpoint of data; an error is `{"error": TEXT}`."""

    def answer(request: Request) -> Response:
        status, found = _run(partial(build, Query(request)), request)
        return JSONResponse(found if status == 200 else {"error": found}, status)

    return answer


def _run(call: Callable[[], Any], request: Request) -> tuple[int, Any]:
    """Return the status and what `call` returned, or why it could not."""
    try:
        return 200, call()
    except UsageError as error:
        return 400, replace_unprintable(str(error))
    except HarnessError as error:
        return 409, replace_unprintable(str(error))
    except KeyError as error:
        return 404, replace_unprintable(f"{request.url.path}: {error.args[0]} is not in this folder")


def _format_address(host: str, port: int) -> str:
    """Return the address to open; a wildcard is shown as this machine's name."""
    with suppress(OSError):
        if host in ("0.0.0.0", "::"):  # noqa: S104 - compared, not bound
            host = socket.gethostname()
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"


def _make_url(path: str, query: Sequence[tuple[str, str]]) -> str:
    return f"{path}?{urlencode(query)}"
