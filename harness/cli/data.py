"""`harness data list`, `fetch`, `verify` and `export`: the files that benchmarks read, and rows to train on."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import USAGE
from . import output

if TYPE_CHECKING:
    from ..checks.data_files import FileState

Names = Annotated[list[str] | None, typer.Argument(metavar="[BENCHMARK]...", help="Default: all.")]

app = typer.Typer(
    help="List, fetch and verify benchmark data files.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


def list_files(benchmarks: Names = None) -> None:
    """Show each file: where it is or comes from, and whether it is the official one. Nothing is downloaded."""
    from ..checks.data_files import check_files

    _shown(check_files(benchmarks or ()))


def fetch(benchmarks: Names = None) -> None:
    """Download what is missing, and replace what is damaged in the cache; a stopped download goes on."""
    from ..checks.data_files import fetch_files

    found = _shown(fetch_files(benchmarks or ()))
    _end([state for state in found if state.state != "ok"])


def verify(benchmarks: Names = None) -> None:
    """Read every file again and compare its digest; a missing file counts where its benchmark is named."""
    from ..checks.data_files import check_files

    found = _shown(check_files(benchmarks or ()))
    _end([state for state in found if state.state == "damaged" or (benchmarks and state.state == "missing")])


def export(
    benchmark: Annotated[str, typer.Argument(help="mbpp-train or mbpp-validation.")],
    *,
    out: Annotated[Path, typer.Option(help="JSON-lines file to write; it must not exist.")],
    recipe: Annotated[str, typer.Option("--recipe", "-r", help="Prompt format to train.")] = "wizardcoder",
) -> None:
    """Write problems and reference solutions as training rows, in the prompt they are evaluated with."""
    from ..finetune.examples import export_examples

    rows = export_examples(benchmark, out, recipe=recipe)
    output.result({"rows": rows, "path": out}, f"{rows} rows in {out}")


def _shown(states: Iterable[FileState]) -> list[FileState]:
    """Show each as it is known: a download takes a while."""
    found = []
    for state in states:
        if not output.wants_json():
            where = state.path or state.about
            typer.echo(f"{state.benchmark:<18}{state.file.name:<27}{state.state:<9}{where}")
        found.append(state)
    if output.wants_json():
        output.result([_row(state) for state in found], "")
    return found


def _row(state: FileState) -> dict[str, Any]:
    own = {"benchmark": state.benchmark, "file": state.file.name, "state": state.state}
    return {**own, "path": state.path, "about": state.about}


def _end(wrong: list[FileState]) -> None:
    """Print what is wrong, one line each, and exit with 2; do nothing if all is right."""
    for state in wrong:
        text = state.about if state.path else f"data file {state.file.name} is missing; `harness data fetch` brings it"
        output.error(text)
    if wrong:
        raise typer.Exit(USAGE)


@app.callback()
def data() -> None:
    """Find, download and check benchmark files; make training rows of them."""


output.command(app, "list", list_files, "Each file: where it is, and whether it is the official one.")
output.command(app, "fetch", fetch, "Download what is missing.")
output.command(app, "verify", verify, "Read all files again and compare their digests.")
output.command(app, "export", export, "Write a training split as instructions and answers.")
