"""`harness report`, `list`, `doctor` and `sandbox build`: what is there, and what to do about what is not."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from ..errors import UsageError
from . import output
from .evaluate import finish
from .options import ClusterAddress

KINDS = ("benchmarks", "models", "checkpoints", "recipes", "sandboxes")

sandbox_app = typer.Typer(help="Prepare sandboxes.", no_args_is_help=True, rich_markup_mode=None)


def report(run: Annotated[Path, typer.Argument(help="Run folder.")]) -> None:
    """Write scores.json, report.md, report.html and the plots of a run anew and print its card."""
    from .. import report as reports

    finish(reports.write(run), png=True)


def list_names(
    kind: Annotated[str | None, typer.Argument(help=f"One of {', '.join(KINDS)}. Default: all.")] = None,
) -> None:
    """Show the names that other commands take."""
    from ..tasks.listing import describe_names

    if kind is not None and kind not in KINDS:
        raise UsageError(f'"{kind}" cannot be listed; choose one of {", ".join(KINDS)}')
    found = {shown: describe_names(shown) for shown in ([kind] if kind else KINDS)}
    output.result(found, lambda: "\n".join(line for shown, names in found.items() for line in _listed(shown, names)))


def _listed(kind: str, names: Mapping[str, str]) -> list[str]:
    width = max(map(len, names), default=0)
    return [f"{kind}:", *(f"  {name:<{width}}  {about}".rstrip() for name, about in names.items())]


def doctor(cluster: ClusterAddress = None) -> None:
    """Say what is installed and usable here, or on a cluster, and what to do about each thing that is not."""
    if cluster is None:
        from ..checks.doctor import run_checks

        looked_at = run_checks()
    else:
        from ..cluster.doctor import checks as checks_of

        looked_at = checks_of(cluster)
    if output.wants_json():
        output.result(list(looked_at), "")
        return
    for check in looked_at:
        typer.echo(f"{'ok' if check.ok else '--':<4}{check.name:<28}{check.found}")
        if not check.ok and check.advice:
            typer.echo(f"{'':<32}-> {check.advice}")


def build(environment: Annotated[str, typer.Argument(help="Environment, such as core.")]) -> None:
    """Make what an environment's programs run in: its Docker image, and what the process sandbox needs."""
    from ..sandboxes.building import build as build_environment

    built = build_environment(environment, report=output.remark)
    made = [one for one in (built.image, built.venv) if one is not None]
    output.result(built, "\n".join(f"{environment}: {one}" for one in made))


@sandbox_app.callback()
def sandbox() -> None:
    """Prepare sandboxes."""


output.command(sandbox_app, "build", build)
