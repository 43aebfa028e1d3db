"""The application: every verb by its name."""

from __future__ import annotations

import importlib
from typing import Annotated

import typer

from .. import VERBS, __version__
from .output import register_command

GROUPS = {
    "config": "Show the configuration format of `harness run --config`.",
    "data": "List, fetch and verify benchmark data files.",
    "sandbox": "Prepare sandboxes.",
}

app = typer.Typer(
    name="harness",
    help="Benchmark code models: completions, sandboxed verdicts, pass@k, reports.",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(f"harness {__version__}")
        raise typer.Exit


@app.callback(no_args_is_help=True)
def harness(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Benchmark code models: completions, sandboxed verdicts, pass@k, reports."""


def _add_commands() -> None:
    groups = {
        name: typer.Typer(help=about, no_args_is_help=True, rich_markup_mode=None) for name, about in GROUPS.items()
    }
    for words, verb in VERBS.items():
        if verb.command:
            group, _, name = words.rpartition(" ")
            module, _, function = verb.command.partition(".")
            run = getattr(importlib.import_module(f"{__package__}.{module}"), function)
            register_command(groups[group] if group else app, name, run, verb.about or None)
    for name, group_app in groups.items():
        app.add_typer(group_app, name=name)


_add_commands()
