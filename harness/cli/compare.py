"""`harness compare` and `gate`: runs against runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

AllowMixed = Annotated[
    bool, typer.Option("--allow-mixed", help="Compare runs of other data, recipes or sampling, marked as such.")
]


def compare(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN RUN...", help="Run folders; the first is the baseline.")],
    *,
    allow_mixed: AllowMixed = False,
    published: Annotated[Path | None, typer.Option(help="TOML table of published figures.")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for compare.md, compare.json and compare.html.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of Markdown.")] = False,
) -> None:
    """Compare runs with the first: differences with intervals and tests, and which problems flipped."""
    from ..compare import compare as compare_runs
    from ..compare import tables, writing

    found = compare_runs(runs, allow_mixed=allow_mixed, table=published)
    typer.echo(json.dumps(tables.as_json(found), indent=2) if as_json else tables.markdown(found), nl=as_json)
    if out is not None:
        for path in writing.write(found, out):
            typer.echo(f"wrote {path}", err=True)
