"""Serve the judge by HTTP, until a signal: what was taken is finished before the process ends."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import UsageError, install_hint, reason
from .judging import JudgeService
from .listening import is_loopback, listen

TOKEN_VARIABLE = "HARNESS_SERVE_TOKEN"  # noqa: S105 - its name
LEAST_TOKEN = 16
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def serve(
    service: JudgeService, *, host: str, port: int, token: str | None, ready: Callable[[str], None] = lambda _: None
) -> None:
    """Answer requests at `host` and `port` (0: any that is free) until SIGINT, SIGTERM or SIGHUP.

    `ready` is given the address once programs are taken. A second SIGINT ends at once.

    Raises:
        UsageError: there is no token and others than this machine could connect, or a package is missing.
        SandboxUnavailable: a sandbox does not start.
    """
    check_token(host, token)
    try:
        import uvicorn

        from .app import build_app
    except ImportError as error:
        raise UsageError(f"`harness serve` needs the package {error.name}: {install_hint('serve')}") from error

    class Server(uvicorn.Server):
        """A server that ends by a signal without passing it on, for to end so is no failure."""

        @contextmanager
        def capture_signals(self) -> Iterator[None]:
            if threading.current_thread() is not threading.main_thread():
                yield
                return
            taken = [number for number in SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
            before = {number: signal.signal(number, self.handle_exit) for number in taken}
            try:
                yield
            finally:
                for number, handler in before.items():
                    signal.signal(number, handler)

    with listen(host, port) as listener, service:
        config = uvicorn.Config(
            build_app(service, token=token), log_config=None, access_log=False, server_header=False, ws="none"
        )
        name = f"[{host}]" if ":" in host else host
        ready(f"http://{name}:{listener.getsockname()[1]}")
        Server(config).run(sockets=[listener])


def check_token(host: str, token: str | None) -> None:
    """Refuse to serve others than this machine without a token that is hard to guess.

    Raises:
        UsageError: it would.
    """
    if token is None and not is_loopback(host):
        raise UsageError(
            f"--host {host} can be reached from other machines; give a token by --token-file or {TOKEN_VARIABLE}"
        )
    if token is not None and (len(token) < LEAST_TOKEN or not token.isascii() or not token.isprintable()):
        raise UsageError(f"the token must have {LEAST_TOKEN} or more printable ASCII characters")


def read_token(file: Path | None) -> str | None:
    """Return the token in `file`, else that of the environment, else None.

    Raises:
        UsageError: the file cannot be read.
    """
    if file is None:
        return os.environ.get(TOKEN_VARIABLE) or None
    try:
        return file.read_text(encoding="utf-8").strip()
    except (OSError, ValueError) as error:
        raise UsageError(f"--token-file {file} cannot be read: {reason(error)}") from error
