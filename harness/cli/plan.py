"""`harness plan`: what a large run will take, as a table."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..api import plan_run
from ..errors import UsageError
from ..metrics.cost import format_amount
from . import output
from .options import MaxCost, PriceText, parse_price

if TYPE_CHECKING:
    from ..planning.capacity import CapacityForecast

ROW = "{:<17} {:>9}{:>14}{:>14}{:>12}{:>12}{:>14}{:>11}"
HEAD = ("benchmark", "samples", "prompt tokens", "answer tokens", "GPU hours", "CPU engine", "scoring", "disk")


def plan(
    model: Annotated[str, typer.Argument(help="Built-in name, checkpoint folder or hub name.")],
    *,
    benchmark: Annotated[
        list[str] | None, typer.Option("--benchmark", "-b", help="Benchmark to evaluate; repeatable.")
    ] = None,
    n: Annotated[int, typer.Option("-n", "--n", min=1, help="Samples per problem.")] = 1,
    gpus: Annotated[int, typer.Option(min=0, help="Number of GPUs; 0 means one replica on a CPU machine.")] = 0,
    cores: Annotated[int | None, typer.Option(min=1, help="CPU cores for scoring.")] = None,
    price: PriceText = None,
    max_cost: MaxCost = None,
    measured: Annotated[
        list[Path] | None, typer.Option("--from", help="Run folder to take measurements from; repeatable.")
    ] = None,
) -> None:
    """Predict tokens, GPU hours, scoring time and disk of a run from what smaller ones took."""
    checked = parse_price(price)
    if max_cost is not None and checked is None:
        raise UsageError(f"--max-cost is {max_cost:g} and no price is given; add --price IN,OUT")
    settings = {"n": n, "gpus": gpus, "cores": cores, "measured": measured or ()}
    whole = plan_run(model, benchmark or (), price=checked, **settings)  # type: ignore[arg-type]
    output.print_result(whole, lambda: _format_table(whole, cores, max_cost))


def _format_table(whole: CapacityForecast, cores: int | None, max_cost: float | None) -> str:
    lines = [ROW.format(*HEAD)]
    for part in whole.parts:
        engine = f"{part.engine_hours:.2f} h" if not part.gpu_hours else "-"
        lines.append(
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
    lines.append(f"generating    {whole.generating_hours:.2f} hours on {replicas}")
    if whole.scoring_hours is not None:
        lines.append(f"scoring       {whole.scoring_hours:.2f} hours on {cores} cores, while it generates")
    if whole.cost is not None:
        limited = f"; --max-cost {max_cost:g} ends the run before" if max_cost and whole.cost > max_cost else ""
        lines.append(f"cost          about {format_amount(whole.cost)}{limited}")
    for part in whole.parts:
        low, high = part.scoring_cpu_hours_interval
        lines.append(
            f"long programs {part.benchmark}: {100 * part.long_share:.1f} % took a second or more (time-outs, mostly); "
            f"that leaves scoring between {low:.2f} and {high:.2f} CPU h"
        )
    lines += [f"figures       {part.benchmark}: {part.source}" for part in whole.parts]
    return "\n".join(lines)
