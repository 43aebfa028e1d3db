"""`harness compare` and `gate`: runs against runs."""

from __future__ import annotations

import json
import os
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


def gate(
    baseline: Annotated[Path, typer.Argument(help="Run folder of what is to be kept.")],
    candidate: Annotated[Path, typer.Argument(help="Run folder of the new checkpoint.")],
    *,
    max_drop: Annotated[
        float | None, typer.Option(help="Largest accepted drop of pass@1, in points. Default: 0.")
    ] = None,
    noise_floor: Annotated[
        float | None, typer.Option(help="Points by which two runs of the same checkpoint differ. Default: 0.")
    ] = None,
    level: Annotated[
        float | None, typer.Option(help="Significance that a drop has to have; 1: any. Default: 0.05.")
    ] = None,
    must_pass: Annotated[list[str] | None, typer.Option(help="Task that has to pass; repeatable.")] = None,
    rules: Annotated[Path | None, typer.Option(help="TOML file of thresholds; flags win over its top level.")] = None,
    junit: Annotated[Path | None, typer.Option(help="Write JUnit XML here.")] = None,
    github: Annotated[
        bool | None, typer.Option("--github/--no-github", help="Print annotations. Default: in a GitHub job.")
    ] = None,
    allow_mixed: AllowMixed = False,
) -> None:
    """Hold a candidate to its baseline: exit 0 no regression, 1 regression, 2 not comparable, 3 infrastructure."""
    from ..compare import verdict
    from ..compare.gate import gate as compare_runs
    from ..compare.gate import read_rules

    flags = {"max_drop": max_drop, "noise_floor": noise_floor, "level": level, "must_pass": must_pass or None}
    chosen = read_rules(rules, {key: value for key, value in flags.items() if value is not None})
    found = compare_runs(baseline, candidate, chosen, allow_mixed=allow_mixed)
    typer.echo(verdict.text(found), nl=False)
    if junit is not None:
        verdict.write_junit(found, junit)
    if os.environ.get("GITHUB_ACTIONS") == "true" if github is None else github:
        for line in verdict.workflow_commands(found):
            typer.echo(line)
    raise typer.Exit(found.exit_code)
