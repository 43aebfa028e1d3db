"""`harness loop`: a configuration in, a page and the gate's exit code out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..api import loop_example, plan_loop, run_loop
from ..errors import UsageError
from . import output

if TYPE_CHECKING:
    from ..loop.ablation import Ablation
    from ..loop.run import LoopResult


def loop(
    context: typer.Context,
    config: Annotated[Path | None, typer.Argument(help="TOML configuration file; --example prints one.")] = None,
    *,
    rounds_ablation: Annotated[
        bool, typer.Option("--rounds-ablation", help="Also train on rounds 0, 0-1, ... with an equal token budget.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show which stages are done, then exit.")] = False,
    example: Annotated[bool, typer.Option("--example", help="Print a commented configuration, then exit.")] = False,
) -> None:
    """Evolve, fine-tune, run base and fine-tune, compare, gate; the same command goes on where it was stopped."""
    if example:
        text = loop_example()
        output.print_result({"example": text}, text)
        return
    if config is None:
        raise UsageError("no configuration is named; `harness loop --example > loop.toml` makes one")
    if dry_run:
        plan = plan_loop(config)
        output.print_result(plan, "\n".join(f"{one.what:<9} {one.state:<22} {one.label}".rstrip() for one in plan))
        return
    ended = run_loop(
        config,
        ablation=rounds_ablation,
        command=context.obj,
        tell=output.print_remark,
        progress=not output.wants_quiet(),
    )
    output.print_result(_build_json(ended), lambda: "\n".join(_format_lines(ended)))
    raise typer.Exit(ended.gate.exit_code)


def _build_json(ended: LoopResult) -> dict[str, Any]:
    from ..compare import verdict

    outcome = {"gate": verdict.serialize_gate(ended.gate), "digests": ended.digests, "page": ended.page}
    return {**outcome, "rounds": ended.rounds.points if ended.rounds else None}


def _format_lines(ended: LoopResult) -> Iterator[str]:
    from ..compare import verdict

    yield verdict.format_verdict(ended.gate).rstrip("\n")
    if ended.rounds is not None:
        yield from _format_rounds(ended.rounds)
    for name, digest in ended.digests.items():
        yield f"{name:<9} {digest}"
    yield f"page      {ended.page}"


def _format_rounds(rounds: Ablation) -> Iterator[str]:
    from ..report.wording import format_percent

    yield f"rounds on {rounds.budget} answer tokens each:"
    for point in rounds.points:
        scores = "; ".join(f"{score.benchmark} {score.metric} {format_percent(score)}" for score in point.scores)
        loss = "" if point.held_out_loss is None else f", held-out loss {point.held_out_loss:.4f}"
        yield f"  {point.label:<8} {point.rows} rows, {point.trained_tokens} tokens{loss}; {scores}"
