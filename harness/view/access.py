"""Who may ask the viewer: this machine's own browser, or one that was given a link.

On a loopback address the Host header has to name that address, so that a web page of another site cannot reach the
viewer under a name of its own (DNS rebinding). On other addresses every request needs a session: a link with a token
is exchanged once for a cookie, and the next link is made.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from urllib.parse import parse_qs

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import cookie_parser
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..service.listening import is_loopback, read_host

COOKIE = "harness-view"
TOKEN = "token"  # noqa: S105 - the name of a parameter
NO_LINK = "open the link that `harness view` printed last: each works once\n"
HEADERS = {
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}
POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src {script}; connect-src 'self'; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


class Access:
    """ASGI middleware that answers what it does not let through, and sets the headers of every answer.

    `tell_link` is given the token of each link; None: only loopback is served, and no link is needed.
    """

    def __init__(self, app: ASGIApp, tell_link: Callable[[str], None] | None = None) -> None:
        self._app = app
        self._tell_link = tell_link
        self._sessions: set[str] = set()
        self._token = ""
        if tell_link is not None:
            self._make_link(tell_link)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":  # the lifespan; there are no web sockets
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
                headers.setdefault("Content-Security-Policy", POLICY.format(script="'none'"))
            await send(message)

        answer = self._refuse(scope)
        await (answer or self._app)(scope, receive, send_with_headers)

    def _refuse(self, scope: Scope) -> Response | None:
        """Return the answer to a request that is not let through; None if it is."""
        headers = Headers(scope=scope)
        if scope["method"] not in ("GET", "HEAD"):
            return PlainTextResponse("the viewer only shows; it takes GET\n", 405, {"Allow": "GET, HEAD"})
        if self._tell_link is None:
            if is_loopback(read_host(headers.get("host", ""))):
                return None
            return PlainTextResponse("this name does not belong to the viewer; open the address that it printed\n", 421)
        given = parse_qs(scope["query_string"].decode("ascii", "replace")).get(TOKEN)
        if given is not None:
            return self._exchange(given[-1])
        session = cookie_parser(headers.get("cookie", "")).get(COOKIE, "")
        if any(secrets.compare_digest(session.encode(), known.encode()) for known in self._sessions):
            return None
        return PlainTextResponse(NO_LINK, 403)

    def _exchange(self, token: str) -> Response:
        """Exchange the link's token for a session."""
        assert self._tell_link is not None
        if not secrets.compare_digest(token.encode(), self._token.encode()):
            return PlainTextResponse(NO_LINK, 403)
        self._sessions.add(session := secrets.token_urlsafe(32))
        self._make_link(self._tell_link)
        # A redirect would belong to the site that the link was followed from, and lack the cookie.
        answer = HTMLResponse('<!doctype html><meta http-equiv="refresh" content="0;url=/"><a href="/">Go on</a>')
        answer.set_cookie(COOKIE, session, httponly=True, samesite="strict", path="/")
        return answer

    def _make_link(self, tell_link: Callable[[str], None]) -> None:
        self._token = secrets.token_urlsafe(32)
        tell_link(self._token)
