"""`harness plan`: what a large run will take, as a table."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..errors import UsageError

ROW = "{:<18}{:>9}{:>14}{:>14}{:>12}{:>12}{:>14}{:>11}"
HEAD = ("benchmark", "samples", "prompt tokens", "answer tokens", "GPU hours", "CPU engine", "scoring", "disk")


def plan(
    model: Annotated[str, typer.Argument(help="As for `harness run`.")],
    *,
    benchmark: Annotated[list[str] | None, typer.Option("--benchmark", "-b", help="Benchmark; repeatable.")] = None,
    n: Annotated[int, typer.Option("-n", "--n", help="Samples per problem.")] = 1,
    gpus: Annotated[int, typer.Option(help="GPUs that there are; 0: one replica on a CPU machine.")] = 0,
    cores: Annotated[int | None, typer.Option(help="Cores to score on.")] = None,
    measured: Annotated[
        list[Path] | None, typer.Option("--from", help="Run folder to take figures from; repeatable.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print all figures as JSON.")] = False,
) -> None:
    """Predict tokens, GPU hours, scoring time and disk of a run from what smaller ones took."""
    from ..config import NO_BENCHMARK
    from ..forecast import as_json, forecast

    if not benchmark:
        raise UsageError(NO_BENCHMARK)
    for name, value, least in (("n", n, 1), ("gpus", gpus, 0), ("cores", cores, 1)):
        if value is not None and value < least:
            raise UsageError(f"--{name} is {value}; it must be {least} or more")
    whole = forecast(model, benchmark, n=n, gpus=gpus, cores=cores, runs=measured or ())
    if json:
        typer.echo(as_json(whole))
        return
    typer.echo(ROW.format(*HEAD))
    for part in whole.parts:
        engine = f"{part.engine_hours:.2f} h" if not part.gpu_hours else "-"
        typer.echo(
            ROW.format(
                part.benchmark,
                part.samples,
                f"{part.prompt_tokens:,.0f}",
                f"{part.completion_tokens:,.0f}",
                f"{part.gpu_hours:.2f}" if part.gpu_hours else "-",
                engine,
                f"{part.scoring_cpu_hours:.2f} CPU h",
                f"{part.disk_bytes / 1e6:.1f} MB",
            )
        )
    replicas = f"{whole.replicas} replica{'s' * (whole.replicas > 1)}"
    typer.echo(f"generating    {whole.generating_hours:.2f} hours on {replicas}")
    if whole.scoring_hours is not None:
        typer.echo(f"scoring       {whole.scoring_hours:.2f} hours on {cores} cores, while it generates")
    for part in whole.parts:
        typer.echo(f"figures       {part.benchmark}: {part.source}")
