"""`harness loop`: a configuration in, a page and the gate's exit code out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import UsageError

if TYPE_CHECKING:
    from ..loop.ablation import Ablation
    from ..loop.run import Loop


def loop(
    context: typer.Context,
    config: Annotated[Path | None, typer.Argument(help="TOML file; --example prints one.")] = None,
    *,
    rounds_ablation: Annotated[
        bool, typer.Option("--rounds-ablation", help="Also train on round 0, 0 to 1, ... with equal tokens.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say which stages are done, and stop.")] = False,
    example: Annotated[bool, typer.Option("--example", help="Print a configuration with comments, and stop.")] = False,
) -> None:
    """Evolve, fine-tune, run base and fine-tune, compare, gate; the same command goes on where it was stopped."""
    from ..loop.config import example as example_text

    if example:
        typer.echo(example_text(), nl=False)
        return
    if config is None:
        raise UsageError("no configuration is named; `harness loop --example > loop.toml` makes one")
    from ..compare import verdict
    from ..loop.config import read_config
    from ..loop.run import Loop
    from ..progress import open_progress

    chosen = Loop(
        read_config(config),
        open_progress=open_progress,
        tell=lambda line: typer.echo(line, err=True),
        command=context.obj,
    )
    if dry_run:
        _print_plan(chosen)
        return
    ended = chosen.run(ablation=rounds_ablation)
    typer.echo(verdict.text(ended.gate), nl=False)
    if ended.rounds is not None:
        _print_rounds(ended.rounds)
    for name, digest in ended.digests.items():
        typer.echo(f"{name:<9} {digest}")
    typer.echo(f"page      {ended.page}")
    raise typer.Exit(ended.gate.exit_code)


def _print_plan(chosen: Loop) -> None:
    for one in chosen.plan():
        typer.echo(f"{one.what:<9} {one.state:<22} {one.label}".rstrip())


def _print_rounds(rounds: Ablation) -> None:
    from ..report.wording import percent

    typer.echo(f"rounds on {rounds.budget} answer tokens each:")
    for point in rounds.points:
        told = "; ".join(f"{score.benchmark} {score.metric} {percent(score)}" for score in point.scores)
        loss = "" if point.held_out_loss is None else f", held-out loss {point.held_out_loss:.4f}"
        typer.echo(f"  {point.span:<8} {point.rows} rows, {point.trained_tokens} tokens{loss}; {told}")
