"""Where untrusted programs run: `docker` and `process` behind one protocol."""

from __future__ import annotations

import os

from ..registry import lookup
from ..types import Sandbox, Trust


def open_sandbox(
    name: str | None,
    *,
    environment: str,
    workers: int | None = None,
    trust: Trust = Trust.SPLIT,
    allow_unsafe: bool = False,
) -> Sandbox:
    """Return the sandbox called `name`, not yet started; without a name, Docker if an engine answers.

    `workers` defaults to the cores this process may use; `trust` says where verdicts are computed for the
    benchmarks that can have them computed apart; `allow_unsafe` accepts a sandbox that cannot keep programs away
    from their judge.

    Raises:
        UsageError: unknown name or environment.
        SandboxUnavailable: asked for Docker, and no engine answers.
    """
    chosen = name or default_name()
    size = workers or len(os.sched_getaffinity(0))
    sandbox: Sandbox = lookup("sandboxes", chosen)(
        environment=environment, workers=size, trust=trust, allow_unsafe=allow_unsafe
    )
    return sandbox


def default_name() -> str:
    """Return "docker" if an engine answers, else "process"."""
    from .engine import engine_answers  # the docker package costs 0.2 s

    return "docker" if engine_answers() else "process"
