"""Every option of every command: spelt as the reference says, taken by the parser, and given to the command."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import pytest
import typer

from harness.cli import output
from harness.cli.application import app


def commands(group: Any = None, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Every command by its words."""
    for name, command in (group or typer.main.get_command(app)).commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, f"{prefix}{name} ")
        else:
            yield f"{prefix}{name}", command


def cases() -> list[object]:
    """A case per spelling."""
    return [
        pytest.param(command, option, spelling, id=f"{words} {spelling}")
        for words, command in commands()
        for option in command.params
        if option.param_type_name == "option"
        for spelling in (*option.opts, *option.secondary_opts)
    ]


def required(command: Any, but: Any) -> list[str]:
    """What a command cannot do without, besides the option `but`."""
    found = []
    for one in command.params:
        if one.required and one is not but:
            found += ["1"] if one.param_type_name == "argument" else [one.opts[0], "1"]
    return found


@pytest.mark.parametrize(("command", "option", "spelling"), cases())
def test_an_option_reaches_its_command(command: Any, option: Any, spelling: str) -> None:
    """Under the name of the function's parameter, with the value that was given."""
    flag = getattr(option, "is_flag", False)
    arguments = [*required(command, option), spelling, *([] if flag else ["1"])]

    with command.make_context("harness", arguments) as context:
        value = context.params[option.name]

    if flag:
        assert value is (spelling not in option.secondary_opts)
    else:
        assert str(value[0] if isinstance(value, list | tuple) else value) in ("1", "1.0")
    assert option.name in inspect.signature(command.callback).parameters or option.name in output.FLAGS


@pytest.mark.parametrize(("words", "command"), list(commands()))
def test_every_command_says_what_each_of_its_options_does(words: str, command: Any) -> None:
    """In a line; and what the command does."""
    assert command.help, words
    for option in command.params:
        assert getattr(option, "help", None), f"{words} {option.name}"
        assert {"--json", "--quiet"} <= {name for one in command.params for name in one.opts}
