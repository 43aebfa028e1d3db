"""`harness data list`, `fetch`, `verify` and `export`: the files that benchmarks read, and rows to train on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import USAGE

if TYPE_CHECKING:
    from ..datafiles import State

Names = Annotated[list[str] | None, typer.Argument(metavar="[BENCHMARK]...", help="Default: all.")]

app = typer.Typer(
    help="Find, download and check benchmark files; make training rows of them.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.command("list")
def list_files(benchmarks: Names = None) -> None:
    """Show each file: where it is or comes from, and whether it is the official one. Nothing is downloaded."""
    from ..datafiles import states

    for state in states(benchmarks or ()):
        _show(state)


@app.command()
def fetch(benchmarks: Names = None) -> None:
    """Download what is missing, and replace what is damaged in the cache; a stopped download goes on."""
    from ..datafiles import fetched

    found = []
    for state in fetched(benchmarks or ()):
        _show(state)
        found.append(state)
    _end([state for state in found if state.state != "ok"])


@app.command()
def verify(benchmarks: Names = None) -> None:
    """Read every file again and compare its digest; a missing file counts where its benchmark is named."""
    from ..datafiles import states

    found = []
    for state in states(benchmarks or ()):
        _show(state)
        found.append(state)
    _end([state for state in found if state.state == "damaged" or (benchmarks and state.state == "missing")])


@app.command()
def export(
    benchmark: Annotated[str, typer.Argument(help="mbpp-train or mbpp-validation.")],
    *,
    out: Annotated[Path, typer.Option(help="JSON lines to write; must not exist yet.")],
    recipe: Annotated[str, typer.Option("--recipe", "-r", help="The prompt that will be trained.")] = "wizardcoder",
) -> None:
    """Write problems and reference solutions as training rows, in the prompt they are evaluated with."""
    from ..finetune.examples import export_examples

    typer.echo(f"{export_examples(benchmark, out, recipe=recipe)} rows in {out}")


def _show(state: State) -> None:
    where = state.path or state.about
    typer.echo(f"{state.benchmark:<18}{state.file.name:<27}{state.state:<9}{where}")


def _end(wrong: list[State]) -> None:
    """What is wrong, one line each, and exit 2; nothing where nothing is."""
    for state in wrong:
        text = state.about if state.path else f"data file {state.file.name} is missing; `harness data fetch` brings it"
        typer.echo(f"error: {text}", err=True)
    if wrong:
        raise typer.Exit(USAGE)


@app.callback()
def data() -> None:
    """Find, download and check benchmark files; make training rows of them."""
