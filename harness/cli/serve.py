"""`harness serve`: the judge as a service."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..api import serve_verdicts
from . import output
from .options import AllowUnsafe, Cache, SandboxName, Workers, select_given


def serve(
    *,
    host: Annotated[str, typer.Option(help="Address to listen at; beyond loopback a token is needed.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen at; 0: any that is free.")] = 8000,
    token_file: Annotated[
        Path | None, typer.Option(help="File with the bearer token. Default: HARNESS_SERVE_TOKEN.")
    ] = None,
    environment: Annotated[
        list[str] | None, typer.Option("--environment", "-e", help="Environment to serve; repeatable. Default: core.")
    ] = None,
    sandbox: SandboxName = None,
    workers: Workers = None,
    allow_unsafe: AllowUnsafe = None,
    cache: Cache = None,
    show_detail: Annotated[
        bool, typer.Option("--show-detail", help="Tell clients what failed, which may quote expected values.")
    ] = False,
    max_programs: Annotated[int, typer.Option(help="Programs in one request.")] = 10_000,
    queue: Annotated[int, typer.Option(help="Programs that may wait, of all requests.")] = 20_000,
    max_body_mb: Annotated[int, typer.Option(help="Size of one request, in MiB.")] = 64,
    max_cpu_time: Annotated[float, typer.Option(help="CPU seconds that a request may give a program.")] = 60.0,
    max_memory_mb: Annotated[int, typer.Option(help="Memory that a request may give a program, in MiB.")] = 4096,
) -> None:
    """Serve verdicts to trainers and other programs by HTTP, until Ctrl-C or SIGTERM."""
    settings = select_given(locals(), but=("environment",)) | ({"environments": environment} if environment else {})

    def announce(url: str) -> None:
        output.print_result({"url": url}, f"serving verdicts at {url}")
        typer.get_text_stream("stdout").flush()

    serve_verdicts(**settings, ready=announce, tell=output.print_remark)
    output.print_remark("stopped; everything that was taken is answered")
