"""`harness view`: a folder of runs in a web browser."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .. import api
from . import output


def view(
    folder: Annotated[Path, typer.Argument(help="Folder that holds run folders.")] = Path("results"),
    *,
    host: Annotated[
        str, typer.Option(help="Address to listen at. Any but a loopback address asks for a link that works once.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen at; 0 takes any that is free.")] = 7575,
) -> None:
    """Show the runs of a folder as web pages, live while they go. Ctrl-C ends it."""
    api.view_results(folder, host=host, port=port, tell=lambda url: output.print_result({"url": url}, url))
