"""Tables of a TOML file as frozen dataclasses: unknown keys and values of another type are refused, with the line."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar

from ..errors import UsageError
from .run import read_toml, told

Made = TypeVar("Made")
KINDS: Mapping[str, type | tuple[type, ...]] = {
    "str": str,
    "Path": (str, Path),
    "int": int,
    "float": (int, float),
    "bool": bool,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Tables:
    """A TOML file's values, and where each key stands."""

    path: Path
    text: str
    values: Mapping[str, Any]

    def where(self, table: str, key: str = "") -> str:
        """ "loop.toml line 12", for `key` of `table` ("" is the top level); the file alone where it is not found."""
        number = line_of(self.text, table, key)
        return f"{self.path} line {number}" if number else str(self.path)

    def table(self, name: str) -> dict[str, Any]:
        """The table `name` ("stop.run" is one in another), empty where there is none.

        Raises:
            UsageError: something else has that name.
        """
        found: Any = self.values
        for part in name.split(".") if name else ():
            found = found.get(part, {})
            if not isinstance(found, dict):
                raise UsageError(f"{self.where(*_split(name))}: {name} must be a table: [{name}]")
        return dict(found)

    def made(self, cls: type[Made], table: str, values: Mapping[str, Any]) -> Made:
        """A dataclass of the values of `table`.

        Raises:
            UsageError: a key is not known or missing, a value does not fit, or the class refuses it.
        """
        try:
            return fitting(cls, values, lambda key: f"{self.where(table, key)}: {f'[{table}] ' if table else ''}")
        except UsageError as error:
            if str(error).startswith(str(self.path)):
                raise
            raise UsageError(f"{self.where(table)}: [{table}] {error}") from error


def read_tables(path: Path) -> Tables:
    """The file `path`.

    Raises:
        UsageError: there is no such file, or it is not TOML.
    """
    values = read_toml(path)
    return Tables(path=path, text=path.read_text(encoding="utf-8"), values=values)


def fitting(cls: type[Made], values: Mapping[str, Any], where: Callable[[str], str] = lambda _: "") -> Made:
    """`cls` of plain values; `where(key)` begins an error's message.

    Raises:
        UsageError: a key is not known or missing, or a value is of another type.
    """
    known = {one.name: str(one.type) for one in fields(cls)}  # type: ignore[arg-type]
    made: dict[str, Any] = {}
    for key, value in values.items():
        if key not in known:
            raise UsageError(unknown_key(key, known, where(key)))
        if not fits(value, known[key]):
            raise UsageError(f"{where(key)}{key} is {json.dumps(value, default=str)}; it must be {told(known[key])}")
        made[key] = _shaped(value, known[key])
    for one in fields(cls):  # type: ignore[arg-type]
        if one.default is MISSING and one.default_factory is MISSING and one.name not in made:
            raise UsageError(f"{where('')}{one.name} is missing")
    return cls(**made)


def unknown_key(key: str, known: Iterable[str], where: str) -> str:
    """The message for a key that is not among `known`: the nearest one, and all of them."""
    names = list(known)
    near = get_close_matches(key, names, n=1)
    hint = f' Did you mean "{near[0]}"?' if near else ""
    return f'{where}key "{key}" is not known.{hint} Known: {", ".join(names)}'


def fits(value: Any, declared: str) -> bool:
    """Whether a plain value fits a declared type such as "tuple[str, ...] | None"; a bool is no number."""
    return any(_fits_one(value, part.strip()) for part in declared.split("|"))


def pairs(given: Sequence[str], flag: str) -> dict[str, Any]:
    """KEY=VALUE flags as values: numbers, true, false and lists as TOML writes them, anything else a text.

    Raises:
        UsageError: one has no "=".
    """
    found: dict[str, Any] = {}
    for text in given:
        key, mark, value = text.partition("=")
        if not mark or not key.strip():
            raise UsageError(f"{flag} {text}: expected KEY=VALUE")
        found[key.strip()] = _value(value.strip())
    return found


def line_of(text: str, table: str, key: str) -> int | None:
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


def _split(name: str) -> tuple[str, str]:
    table, _, key = name.rpartition(".")
    return table, key


def _fits_one(value: Any, declared: str) -> bool:
    if declared.startswith("tuple"):
        inner = declared.removeprefix("tuple[").partition(",")[0]
        return isinstance(value, list | tuple) and all(_fits_one(one, inner) for one in value)
    if declared.startswith("Mapping"):
        return isinstance(value, dict)
    kind = KINDS.get(declared)
    return kind is not None and isinstance(value, kind) and (not isinstance(value, bool) or declared == "bool")


def _shaped(value: Any, declared: str) -> Any:
    if isinstance(value, list):
        return tuple(value)
    # A number may be meant where a path or a number is allowed; a text is then the path.
    return Path(value) if isinstance(value, str) and "Path" in declared else value


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
