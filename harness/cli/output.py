"""Print a command's output as two flags say, which every command has.

`--json` prints the result as one JSON document on stdout and nothing else there. `--quiet` leaves out what goes to
stderr besides errors: progress, remarks, warnings. A command states its result once and does not carry the flags.
"""

from __future__ import annotations

import codecs
import inspect
import shutil
import sys
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..store.cleaning import format_json, neutralize
from ..store.jsonable import to_plain

if TYPE_CHECKING:
    from ..progress import Progress

FLAGS = {
    "as_json": Annotated[bool, typer.Option("--json", help="Print the result as JSON, and nothing else, on stdout.")],
    "quiet": Annotated[bool, typer.Option("--quiet", "-q", help="No progress and no remarks on stderr.")],
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """Output settings of the running command."""

    as_json: bool = False
    quiet: bool = False


_OUTPUT: ContextVar[Output] = ContextVar("output", default=Output())  # noqa: B039 (it is frozen)


def register_command(app: typer.Typer, name: str, function: Callable[..., None], short: str | None = None) -> None:
    """Register `function` as the command `name` of `app`, with the flags that every command has.

    `short` stands in the list of commands. None: the docstring's first line.
    """
    flags = [
        inspect.Parameter(flag, inspect.Parameter.KEYWORD_ONLY, default=False, annotation=annotation)
        for flag, annotation in FLAGS.items()
    ]
    signature = inspect.signature(function, eval_str=True)
    own = list(signature.parameters.values())

    @wraps(function)
    def run_with_flags(*arguments: Any, as_json: bool, quiet: bool, **rest: Any) -> None:
        token = _OUTPUT.set(Output(as_json=as_json, quiet=quiet))
        try:
            function(*arguments, **rest)
        finally:
            _OUTPUT.reset(token)

    run_with_flags.__signature__ = signature.replace(parameters=[*own, *flags])  # type: ignore[attr-defined]
    run_with_flags.__annotations__ = {one.name: one.annotation for one in [*own, *flags]}
    app.command(name, short_help=short)(run_with_flags)


def wants_json() -> bool:
    """Tell whether the result is to be JSON."""
    return _OUTPUT.get().as_json


def wants_quiet() -> bool:
    """Tell whether nothing but the result is to be printed."""
    return _OUTPUT.get().quiet


def print_result(data: Any, text: str | Callable[[], str], *, apart: bool = False) -> None:
    """Print the result: `data` as JSON where that is asked for, else `text`, which may quote what programs wrote.

    `apart`: on a terminal an empty line parts it from the progress above.
    """
    if wants_json():
        typer.echo(format_json(to_plain(data), ascii_only=not _writes_utf8()))
        return
    shown = text if isinstance(text, str) else text()
    if apart and sys.stdout.isatty() and not _OUTPUT.get().quiet:
        typer.echo()
    if shown:
        print_text(shown, nl=not shown.endswith("\n"))


def print_text(text: str, *, nl: bool = True) -> None:
    """Print a part of the result; nothing in it is obeyed by a terminal or a CI system."""
    typer.echo(neutralize(text), nl=nl)


def print_error(text: str) -> None:
    """Print an error in one line on stderr."""
    typer.echo(f"error: {' '.join(neutralize(text).splitlines())}", err=True)


def print_remark(text: str) -> None:
    """Print `text` on stderr, unless --quiet is given."""
    if not _OUTPUT.get().quiet:
        typer.echo(text, err=True)


def make_progress() -> Progress:
    """Return a progress on stderr; one that shows nothing if --quiet is given."""
    from ..progress import Quiet, open_progress

    return Quiet() if _OUTPUT.get().quiet else open_progress()


def _writes_utf8() -> bool:
    try:
        return codecs.lookup(sys.stdout.encoding).name == "utf-8"
    except (LookupError, TypeError):
        return False


def get_width() -> int | None:
    """Return the columns of the terminal; None if stdout is none."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None
