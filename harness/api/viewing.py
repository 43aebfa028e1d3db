"""Show runs in a web browser."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ..errors import UsageError, install_hint
from .paths import Name


def view_results(
    folder: Name = "results",
    *,
    host: str = "127.0.0.1",
    port: int = 7575,
    tell: Callable[[str], None] | None = None,
) -> None:
    """Serve the runs of a folder as web pages until the process is interrupted.

    `tell` is given the address to open. Unless `host` is a loopback address, this is a link that works once, and it is
    given another one when the link was used. `port` 0 takes any that is free.

    Raises:
        StoreError: the folder holds no run.
        UsageError: the address cannot be listened at, or a package is missing.
    """
    try:
        from ..view import ServerSettings, serve
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package not in ("starlette", "uvicorn"):
            raise
        raise UsageError(f"the viewer needs the package {package}: {install_hint('view')}") from error
    serve(Path(folder), ServerSettings(host=host, port=port), tell or print)
