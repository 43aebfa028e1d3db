"""A web server for files, with ranges and with the troubles that real ones have."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler

from tests.web_server import Silent, listening


@dataclass
class Site:
    """What is served and how; `requests` collects (path, Range header)."""

    files: Mapping[str, bytes]
    ranges: bool = True
    cut_after: int | None = None
    """Each answer ends after so many bytes, though its length says more."""
    busy: int = 0
    """So many first requests are answered by 503."""
    encoding: str = ""
    """What the server says packed files are encoded in, as some do."""
    requests: list[tuple[str, str | None]] = field(default_factory=list)
    url: str = ""


@contextmanager
def serving(site: Site) -> Iterator[Site]:
    """`site` at its `url`, on this machine."""

    class Answering(Silent, BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer(self, site)

    with listening(Answering) as address:
        site.url = address
        yield site


def answer(request: BaseHTTPRequestHandler, site: Site) -> None:
    asked = request.headers.get("Range")
    site.requests.append((request.path, asked))
    body = site.files.get(request.path.lstrip("/"))
    if len(site.requests) <= site.busy:
        request.send_error(503)
        return
    if body is None:
        request.send_error(404)
        return
    start = int(asked.removeprefix("bytes=").partition("-")[0]) if asked and site.ranges else 0
    if start and start >= len(body):
        request.send_response(416)
        request.send_header("Content-Range", f"bytes */{len(body)}")
        request.send_header("Content-Length", "0")
        request.end_headers()
        return
    request.send_response(206 if start else 200)
    if start:
        request.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
    if site.encoding:
        request.send_header("Content-Encoding", site.encoding)
    request.send_header("Content-Length", str(len(body) - start))
    request.end_headers()
    request.wfile.write(body[start:][: site.cut_after])
