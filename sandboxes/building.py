"""Build what an environment's programs run in, as far as this machine can: `harness sandbox build`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import SandboxUnavailable, UsageError
from .engine import connect
from .environments import environment as environment_named
from .images import build_image
from .images.languages import check_names
from .venvs import build_venv


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """Parts that are there now; None for what this machine or environment does without."""

    image: str | None
    """The Docker image's digest."""
    venv: Path | None


def build(name: str, *, only: Sequence[str] = (), report: Callable[[str], None]) -> Built:
    """Build the image where an engine answers, and the virtual environment where the process sandbox needs one.

    Raises:
        UsageError: no such environment, or `only` names what is no language of it.
        DataError: a data file that its programs read is nowhere.
        SandboxUnavailable: nothing can be built here, or building failed.
    """
    environment = environment_named(name)
    if only and not environment.executes:
        raise UsageError(f'--only names languages, which environment "{name}" does not have; leave it out')
    check_names(only)
    image = None
    try:
        connect(timeout_s=5).close()
    except SandboxUnavailable as error:
        if not environment.needs_venv:
            raise
        report(f"no image: {error}")
    else:
        image = build_image(name, only=only, report=report)
    return Built(image=image, venv=build_venv(name, report=report) if environment.needs_venv else None)
