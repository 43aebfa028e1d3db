"""`harness compare` and `gate`: runs against runs."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from ..api import compare_runs, gate_runs
from . import output
from .options import select_given

AllowMixed = Annotated[
    bool, typer.Option("--allow-mixed", help="Compare runs with different data, recipes or sampling, and mark them.")
]


def compare(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN RUN...", help="Run folders; the first is the baseline.")],
    *,
    allow_mixed: AllowMixed = False,
    common: Annotated[
        bool, typer.Option("--common", help="Compare runs of different problems on the problems they share.")
    ] = False,
    published: Annotated[
        Path | None, typer.Option(help="TOML table of published scores to show beside the runs.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for compare.md, compare.json and compare.html.")] = None,
) -> None:
    """Compare runs with the first: differences with intervals and tests, and which problems flipped."""
    from ..compare import tables

    options = {"allow_mixed": allow_mixed, "common": common, "published": published, "out": out}
    comparison = compare_runs(*runs, **options, tell=output.print_remark)  # type: ignore[arg-type]
    output.print_result(tables.serialize_comparison(comparison), lambda: tables.format_markdown(comparison))


def gate(
    baseline: Annotated[Path, typer.Argument(help="Run folder of the baseline.")],
    candidate: Annotated[Path, typer.Argument(help="Run folder of the new checkpoint.")],
    *,
    max_drop: Annotated[
        float | None, typer.Option(help="Largest accepted drop in pass@1, in percentage points. Default: 0.")
    ] = None,
    noise_floor: Annotated[
        float | None,
        typer.Option(help="Noise between two runs of the same checkpoint, in percentage points. Default: 0."),
    ] = None,
    level: Annotated[
        float | None,
        typer.Option(help="Significance level for a drop to count; 1 counts every drop. Default: 0.05."),
    ] = None,
    must_pass: Annotated[list[str] | None, typer.Option(help="Task that must pass; repeatable.")] = None,
    rules: Annotated[
        Path | None, typer.Option(help="TOML file of thresholds; flags override its top-level keys.")
    ] = None,
    junit: Annotated[Path | None, typer.Option(help="Write the result as JUnit XML to this file.")] = None,
    github: Annotated[
        bool | None,
        typer.Option("--github/--no-github", help="Print GitHub annotations. Default: only in a GitHub job."),
    ] = None,
    allow_mixed: AllowMixed = False,
) -> None:
    """Hold a candidate to its baseline: exit 0 no regression, 1 regression, 2 not comparable, 3 infrastructure."""
    from ..compare import verdict

    flags = {"max_drop": max_drop, "noise_floor": noise_floor, "level": level, "must_pass": must_pass}
    result = gate_runs(baseline, candidate, rules=rules, junit=junit, allow_mixed=allow_mixed, **select_given(flags))
    output.print_result(verdict.serialize_gate(result), lambda: verdict.format_verdict(result))
    if os.environ.get("GITHUB_ACTIONS") == "true" if github is None else github:
        for line in verdict.format_workflow_commands(result):
            typer.echo(line, err=output.wants_json())
    raise typer.Exit(result.exit_code)
