"""Build frozen dataclasses from a TOML file; unknown keys and values of another type are refused with their line."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from ..errors import UsageError
from .checking import Where
from .run import read_toml

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tables:
    """A TOML file's values, and the lines of its keys."""

    path: Path
    text: str
    values: Mapping[str, Any]

    def locate(self, table: str, key: str = "") -> str:
        """Return "loop.toml line 12" for `key` of `table` ("" is the top level), or the file alone."""
        number = find_line(self.text, table, key)
        return f"{self.path} line {number}" if number else str(self.path)

    def get_table(self, name: str) -> dict[str, Any]:
        """Return the table `name`, empty if there is none; "stop.run" is a table in another one.

        Raises:
            UsageError: something else has that name.
        """
        values: Any = self.values
        for part in name.split(".") if name else ():
            values = values.get(part, {})
            if not isinstance(values, dict):
                raise UsageError(f"{self.locate(*name.rpartition('.')[::2])}: {name} must be a table: [{name}]")
        return dict(values)

    def build(
        self, make: Callable[[Mapping[str, Any], Where], Result], table: str, values: Mapping[str, Any]
    ) -> Result:
        """Return what `make` builds of the values of `table`.

        Raises:
            UsageError: from `make`, with the line.
        """
        try:
            return make(values, lambda key: f"{self.locate(table, key)}: [{table}] ")
        except UsageError as error:
            if str(error).startswith(str(self.path)):
                raise
            named = next((key for key in self.get_table(table) if f" {key} " in f" {error} "), "")
            raise UsageError(f"{self.locate(table, named)}: [{table}] {error}") from error


def read_tables(path: Path, what: str = "configuration file") -> Tables:
    """Read the file `path`; `what` it is stands in messages.

    Raises:
        UsageError: there is no such file, or it is not TOML.
    """
    values = read_toml(path, what)
    return Tables(path=path, text=path.read_text(encoding="utf-8"), values=values)


def parse_pairs(flags: Sequence[str], flag: str) -> dict[str, Any]:
    """Parse KEY=VALUE flags: numbers, true, false and lists as TOML writes them, anything else as text.

    Raises:
        UsageError: one has no "=".
    """
    values: dict[str, Any] = {}
    for text in flags:
        key, mark, value = text.partition("=")
        if not mark or not key.strip():
            raise UsageError(f"{flag} {text}: expected KEY=VALUE")
        values[key.strip()] = _parse_value(value.strip())
    return values


def find_line(text: str, table: str, key: str) -> int | None:
    """Return the number of the line with `key` of `table` (the table's heading for ""); None if it is not found."""
    at = ""
    for number, line in enumerate(text.splitlines(), 1):
        if heading := re.match(r"\s*\[\[?\s*([^\]]+?)\s*\]\]?", line):
            at = heading[1]
            if at == table and not key:
                return number
        elif at == table and key and re.match(rf"""\s*["']?{re.escape(key)}["']?\s*[=.]""", line):
            return number
    return None


def _parse_value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
