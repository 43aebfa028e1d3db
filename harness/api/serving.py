"""The judge as a service."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from .paths import Name, to_path


def serve_verdicts(
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    token_file: Name | None = None,
    environments: Sequence[str] = ("core",),
    sandbox: str | None = None,
    workers: int | None = None,
    allow_unsafe: bool = False,
    cache: bool = True,
    show_detail: bool = False,
    max_programs: int = 10_000,
    queue: int = 20_000,
    max_body_mb: int = 64,
    max_cpu_time: float = 60.0,
    max_memory_mb: int = 4096,
    ready: Callable[[str], None] = lambda _: None,
    tell: Callable[[str], None] = lambda _: None,
) -> None:
    """Serve verdicts by HTTP until SIGINT or SIGTERM; docs/serve.md has requests and answers.

    The token is read from `token_file`, else from HARNESS_SERVE_TOKEN; beyond loopback there must be one. `ready` is
    given the address once programs are taken, and `tell` a line when a sandbox breaks.

    Raises:
        UsageError: a setting does not fit, or a package is missing.
        SandboxUnavailable: a sandbox does not start.
    """
    from ..errors import UsageError
    from ..service.judging import JudgeService, ServiceLimits
    from ..service.server import read_token, serve

    least = {"max_programs": max_programs, "queue": queue, "max_body_mb": max_body_mb, "max_memory_mb": max_memory_mb}
    for name, value in {**least, "max_cpu_time": max_cpu_time}.items():
        if value <= 0:
            raise UsageError(f"{name} is {value}; it must be more than 0")
    if queue < max_programs:
        raise UsageError(f"queue is {queue} and max_programs is {max_programs}; the queue must hold a whole request")
    limits = ServiceLimits(
        programs=max_programs,
        queue=queue,
        body_bytes=max_body_mb << 20,
        cpu_time_s=max_cpu_time,
        memory_bytes=max_memory_mb << 20,
    )
    service = JudgeService(
        environments,
        sandbox=sandbox,
        workers=workers,
        allow_unsafe=allow_unsafe,
        cache=cache,
        show_detail=show_detail,
        limits=limits,
        tell=tell,
    )
    serve(service, host=host, port=port, token=read_token(to_path(token_file)), ready=ready)
