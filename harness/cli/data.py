"""`harness data list`, `fetch`, `verify`, `export`, `from-runs`: the files of benchmarks, and rows to train on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..api import build_dataset, data_files, export_rows, fetch_data
from ..errors import USAGE
from . import output

if TYPE_CHECKING:
    from ..checks.data_files import FileState

Names = Annotated[list[str] | None, typer.Argument(metavar="[BENCHMARK]...", help="Default: all.")]


def list_files(benchmarks: Names = None) -> None:
    """Show each file: where it is or comes from, and whether it is the official one. Nothing is downloaded."""
    _show_states(data_files, benchmarks)


def fetch(benchmarks: Names = None) -> None:
    """Download what is missing, and replace what is damaged in the cache; a stopped download goes on."""
    _exit_if_wrong([state for state in _show_states(fetch_data, benchmarks) if state.state != "ok"])


def verify(benchmarks: Names = None) -> None:
    """Read every file again and compare its digest; a missing file counts where its benchmark is named."""
    states = _show_states(data_files, benchmarks)
    _exit_if_wrong([state for state in states if state.state == "damaged" or (benchmarks and state.state == "missing")])


def export(
    benchmark: Annotated[str, typer.Argument(help="mbpp-train or mbpp-validation.")],
    *,
    out: Annotated[Path, typer.Option(help="JSON-lines file to write; it must not exist.")],
    recipe: Annotated[str, typer.Option("--recipe", "-r", help="Prompt format to train.")] = "wizardcoder",
) -> None:
    """Write problems and reference solutions as training rows, in the prompt they are evaluated with."""
    rows = export_rows(benchmark, out, recipe=recipe)
    output.print_result({"rows": rows, "path": out}, f"{rows} rows in {out}")


def from_runs(
    runs: Annotated[list[Path], typer.Argument(help="Run folders of `harness run`.")],
    *,
    form: Annotated[
        str, typer.Option("--as", help="sft (passed answers), dpo (pairs of passed and failed) or kto (labelled).")
    ],
    out: Annotated[Path, typer.Option(help="JSON-lines file to write; it must not exist.")],
    pick: Annotated[
        str, typer.Option(help="Answers to prefer: shortest, first, or diverse (of different structure).")
    ] = "shortest",
    per_problem: Annotated[int, typer.Option(help="Maximum rows, or pairs, per prompt.")] = 1,
    against: Annotated[
        list[str] | None,
        typer.Option(help="Benchmark to decontaminate against; repeatable. Default: all but those for training."),
    ] = None,
) -> None:
    """Make training data of runs' verified answers; benchmarks whose figures are reported are refused."""
    dataset = build_dataset(*runs, out=out, form=form, pick=pick, per_problem=per_problem, against=against or ())
    output.print_result(dataset, f"{len(dataset['rows'])} rows of {dataset['prompts_with_rows']} prompts in {out}")


def _show_states(function: Callable[..., list[FileState]], benchmarks: list[str] | None) -> list[FileState]:
    """Call `function`, and show each state as it is known: a download takes a while."""
    states = function(*benchmarks or (), each=None if output.wants_json() else _show_state)
    if output.wants_json():
        output.print_result([_build_row(state) for state in states], "")
    return states


def _show_state(state: FileState) -> None:
    typer.echo(f"{state.benchmark:<17} {state.file.name:<34} {state.state:<9}{state.path or state.about}")


def _build_row(state: FileState) -> dict[str, Any]:
    own = {"benchmark": state.benchmark, "file": state.file.name, "state": state.state}
    return {**own, "path": state.path, "about": state.about}


def _exit_if_wrong(wrong: list[FileState]) -> None:
    """Print what is wrong, one line each, and exit with 2; do nothing if all is right."""
    for state in wrong:
        text = state.about if state.path else f"data file {state.file.name} is missing; `harness data fetch` brings it"
        output.print_error(text)
    if wrong:
        raise typer.Exit(USAGE)
