"""`harness report`, `show`, `list`, `doctor` and `sandbox build`: what is there, and what to do about what is not."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from ..api import build_sandbox, check_machine, list_names, show_run, write_report
from ..api.installation import KINDS
from . import output
from .evaluate import finish
from .options import ClusterAddress


def report(run: Annotated[Path, typer.Argument(help="Run folder.")]) -> None:
    """Write scores.json, report.md, report.html and the plots of a run anew and print its card."""
    finish(write_report(run))


def show(run: Annotated[Path, typer.Argument(help="Run folder.")]) -> None:
    """Show everything that is recorded about a run: scores, warnings, times, isolation, provenance."""
    from ..report import build_run_json, format_everything
    from ..report.writing import list_provenance

    summary = show_run(run)
    output.print_result(
        {**build_run_json(summary), "provenance": dict(list_provenance(summary))},
        lambda: format_everything(summary, output.get_width()),
    )


def names(
    kind: Annotated[str | None, typer.Argument(help=f"One of {', '.join(KINDS)}. Default: all.")] = None,
) -> None:
    """Show the names that other commands take."""
    known = {shown: list_names(shown) for shown in ([kind] if kind else KINDS)}
    output.print_result(
        known,
        lambda: "\n".join(line for shown, names in known.items() for line in _format_names(shown, names)),
    )


def _format_names(kind: str, names: Mapping[str, str]) -> list[str]:
    width = max(map(len, names), default=0)
    return [f"{kind}:", *(f"  {name:<{width}}  {about}".rstrip() for name, about in names.items())]


def doctor(cluster: ClusterAddress = None) -> None:
    """Say what is installed and usable here, or on a cluster, and what to do about each thing that is not."""
    checks = check_machine(cluster)
    if output.wants_json():
        output.print_result(list(checks), "")
        return
    for check in checks:
        typer.echo(f"{'ok' if check.ok else '--':<4}{check.name:<28}{check.found}")
        if not check.ok and check.advice:
            typer.echo(f"{'':<32}-> {check.advice}")


def build(
    environment: Annotated[str, typer.Argument(help="Environment, such as core.")],
    only: Annotated[
        str | None, typer.Option(metavar="NAME,...", help="Languages to add to the image of `languages`.")
    ] = None,
) -> None:
    """Make what an environment's programs run in: its Docker image, and what the process sandbox needs."""
    names = [name.strip() for name in (only or "").split(",") if name.strip()]
    built = build_sandbox(environment, only=names, tell=output.print_remark)
    made = [one for one in (built.image, built.venv) if one is not None]
    output.print_result(built, "\n".join(f"{environment}: {one}" for one in made))
