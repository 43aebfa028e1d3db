"""What a request must have before its body is read: a token, a length that fits, and room in memory."""

from __future__ import annotations

import base64
import binascii
import hmac
import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from .listening import is_loopback, read_host

OPEN_PATHS = ("/health", "/ready")
"""Paths that need no token."""
BODIES = 4
"""Bodies of full size that may be held at a time."""
MOST_SKIPPED = 1 << 30

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


class TooLarge(Exception):
    """A body is longer than its header said, or than it may be."""


class Admission:
    """ASGI middleware that refuses requests without `token` and with a body of more than `body_bytes`.

    The token is a bearer token, or the password of Basic authentication. Without a token the Host header has to name
    this machine, so that a web page of another site cannot reach the service under a name of its own (DNS rebinding).
    """

    def __init__(self, app: App, *, token: str | None, body_bytes: int) -> None:
        self._app, self._token, self._body_bytes = app, token, body_bytes
        self._held_bytes = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Implement ASGI."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        if self._token is None and not is_loopback(read_host(headers.get(b"host", b"").decode("latin-1"))):
            await _refuse(send, 421, "this name does not belong to the service; use the address that it printed")
            return
        if self._token is not None and scope["path"] not in OPEN_PATHS and not self._is_known(headers):
            await _refuse(send, 401, "the token is missing or wrong; send Authorization: Bearer TOKEN")
            return
        size = self._read_size(headers)
        if size > self._body_bytes:
            most = self._body_bytes >> 20
            await _skip_body(receive, size)
            await _refuse(send, 413, f"the body has {size} bytes; at most {most} MiB may come in one request")
            return
        if self._held_bytes and self._held_bytes + size > BODIES * self._body_bytes:
            await _refuse(send, 429, "too many large requests are being read; try again in 5 s", retry_after_s=5)
            return
        await self._pass_on(scope, receive, send, size)

    async def _pass_on(self, scope: Scope, receive: Receive, send: Send, size: int) -> None:
        read, is_too_large, has_begun = 0, False, False

        async def receive_some() -> Message:
            nonlocal read, is_too_large
            message = await receive()
            read += len(message.get("body", b""))
            if read > size:
                is_too_large = True
                raise TooLarge
            return message

        async def send_some(message: Message) -> None:
            nonlocal has_begun
            if not is_too_large:  # else what the application made of the exception
                has_begun = True
                await send(message)

        self._held_bytes += size
        try:
            await self._app(scope, receive_some, send_some)
        except TooLarge:
            pass
        finally:
            self._held_bytes -= size
        if is_too_large and not has_begun:
            await _refuse(send, 413, f"the body has more than {size} bytes, which is what may come")

    def _read_size(self, headers: dict[bytes, bytes]) -> int:
        """Return the length of the body that the header says; the most that may come if it says none."""
        said = headers.get(b"content-length", b"")
        if said.isdigit():
            return int(said)
        return self._body_bytes if b"transfer-encoding" in headers else 0

    def _is_known(self, headers: dict[bytes, bytes]) -> bool:
        scheme, _, said = headers.get(b"authorization", b"").partition(b" ")
        said = said.strip()
        if scheme.lower() == b"basic":
            try:
                said = base64.b64decode(said, validate=True).partition(b":")[2]
            except binascii.Error:
                return False
        elif scheme.lower() != b"bearer":
            return False
        return self._token is not None and hmac.compare_digest(said, self._token.encode())


async def _skip_body(receive: Receive, size: int) -> None:
    """Read a body that is not wanted, since many clients read no answer before; one that is absurd is left alone."""
    while size <= MOST_SKIPPED and (await receive()).get("more_body"):
        pass


async def _refuse(send: Send, code: int, error: str, retry_after_s: int | None = None) -> None:
    headers = [(b"content-type", b"application/json")]
    if code == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    if retry_after_s is not None:
        headers.append((b"retry-after", str(retry_after_s).encode()))
    await send({"type": "http.response.start", "status": code, "headers": headers})
    await send({"type": "http.response.body", "body": json.dumps({"error": error}).encode()})
