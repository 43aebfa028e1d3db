"""`harness config schema` and `example`: what `harness run --config` reads."""

from __future__ import annotations

import json
import tomllib

import typer

from . import output

app = typer.Typer(
    help="Show the configuration format of `harness run --config`.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


def schema() -> None:
    """Print the JSON Schema of the file, for editors and checkers."""
    from ..config.schema import run_schema

    found = run_schema()
    output.result(found, lambda: json.dumps(found, indent=2))


def example() -> None:
    """Print a file with every key, each with what it does; what is commented out is the default."""
    from ..config.schema import run_example

    text = run_example()
    output.result(tomllib.loads(text), text)


@app.callback()
def config() -> None:
    """Show the configuration format of `harness run --config`."""


output.command(app, "schema", schema)
output.command(app, "example", example)
