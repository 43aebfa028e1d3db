"""Tables of a TOML file as frozen dataclasses: unknown keys and values of another type are refused, with the line."""

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
    """A TOML file's values, and where each key stands."""

    path: Path
    text: str
    values: Mapping[str, Any]

    def locate(self, table: str, key: str = "") -> str:
        """ "loop.toml line 12", for `key` of `table` ("" is the top level); the file alone where it is not found."""
        number = find_line(self.text, table, key)
        return f"{self.path} line {number}" if number else str(self.path)

    def get_table(self, name: str) -> dict[str, Any]:
        """The table `name` ("stop.run" is one in another), empty where there is none.

        Raises:
            UsageError: something else has that name.
        """
        found: Any = self.values
        for part in name.split(".") if name else ():
            found = found.get(part, {})
            if not isinstance(found, dict):
                raise UsageError(f"{self.locate(*_split_name(name))}: {name} must be a table: [{name}]")
        return dict(found)

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


def read_tables(path: Path) -> Tables:
    """The file `path`.

    Raises:
        UsageError: there is no such file, or it is not TOML.
    """
    values = read_toml(path)
    return Tables(path=path, text=path.read_text(encoding="utf-8"), values=values)


def parse_pairs(given: Sequence[str], flag: str) -> dict[str, Any]:
    """KEY=VALUE flags as values: numbers, true, false and lists as TOML writes them, anything else a text.

    Raises:
        UsageError: one has no "=".
    """
    found: dict[str, Any] = {}
    for text in given:
        key, mark, value = text.partition("=")
        if not mark or not key.strip():
            raise UsageError(f"{flag} {text}: expected KEY=VALUE")
        found[key.strip()] = _parse_value(value.strip())
    return found


def find_line(text: str, table: str, key: str) -> int | None:
    """The number of the line on which `key` of `table` stands, of the table's heading for "", None if not found."""
    at = ""
    for number, line in enumerate(text.splitlines(), 1):
        if heading := re.match(r"\s*\[\[?\s*([^\]]+?)\s*\]\]?", line):
            at = heading[1]
            if at == table and not key:
                return number
        elif at == table and key and re.match(rf"""\s*["']?{re.escape(key)}["']?\s*[=.]""", line):
            return number
    return None


def _split_name(name: str) -> tuple[str, str]:
    table, _, key = name.rpartition(".")
    return table, key


def _parse_value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
