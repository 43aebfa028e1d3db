"""Check configurations with pydantic: the bounds of a frozen dataclass's fields stand in their annotations.

pydantic is imported when something is checked, not with this module.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import MISSING, asdict, fields, is_dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar, get_type_hints

from annotated_types import Ge, Gt, Le, Lt, MinLen

from ..errors import UsageError, suggest

if TYPE_CHECKING:
    from pydantic import BaseModel, ValidationError

Made = TypeVar("Made")
Where = Callable[[str], str]
"""Returns the start of a message about a key: the file and the line, or ""."""

PositiveInt = Annotated[int, Ge(1)]
NonNegativeInt = Annotated[int, Ge(0)]
PositiveFloat = Annotated[float, Gt(0)]
NonNegativeFloat = Annotated[float, Ge(0)]
Share = Annotated[float, Gt(0), Le(1)]
ProperFraction = Annotated[float, Gt(0), Lt(1)]
Points = Annotated[float, Ge(0), Le(100)]
Text = Annotated[str, MinLen(1)]


def build_config(cls: type[Made], values: Mapping[str, Any], where: Where = lambda _: "") -> Made:
    """Return a dataclass of plain values, as TOML, flags and keyword arguments give them.

    Raises:
        UsageError: a key is not known or missing, or a value is of another type or out of range.
    """
    known = [field.name for field in fields(cls)]  # type: ignore[arg-type]
    for key in values:
        check_key(key, known, where(key))
    checked = _validate(cls, values, where)
    # Digests of 0 and 0.0 differ, so a whole number stays one even if a float is declared, also in a dataclass.
    kept = {key: value for key, value in values.items() if type(value) is int or is_dataclass(value)}
    return cls(**{key: getattr(checked, key) for key in values} | kept)


def check_fields(config: object) -> None:
    """Check a dataclass by its annotations, for its `__post_init__`.

    Raises:
        UsageError: a value is of another type or out of range.
    """
    names = [field.name for field in fields(config)]  # type: ignore[arg-type]
    _validate(type(config), {name: getattr(config, name) for name in names}, lambda _: "")


def check_key(key: str, known: Collection[str], where: str) -> None:
    """Refuse a key that is not among `known`.

    Raises:
        UsageError: with the nearest key, or else all of them.
    """
    if key not in known:
        raise UsageError(f'{where}key "{key}" is not known.{suggest(key, known)}')


def _validate(cls: type, values: Mapping[str, Any], where: Where) -> BaseModel:
    from pydantic import ValidationError

    # As JSON, because only there strict validation accepts lists for tuples and texts for paths.
    text = json.dumps(dict(values), default=_to_plain)
    try:
        return _build_model(cls).model_validate_json(text, strict=True)
    except ValidationError as error:
        raise UsageError(_describe_error(error, where)) from error


def _to_plain(value: Any) -> Any:
    """Return a value as JSON has it; a value that no field takes is named by its type."""
    if isinstance(value, Path):
        return str(value)
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    return dict(value) if isinstance(value, Mapping) else {type(value).__name__: str(value)}


@cache
def _build_model(cls: type) -> type[BaseModel]:
    """Return a pydantic model of a dataclass's fields, without its `__post_init__`."""
    from pydantic import ConfigDict, create_model

    hints = get_type_hints(cls, include_extras=True)
    required = {field.name for field in fields(cls) if field.default is field.default_factory is MISSING}
    declared: dict[str, Any] = {
        field.name: (hints[field.name], ... if field.name in required else None) for field in fields(cls)
    }
    return create_model(cls.__name__, __config__=ConfigDict(allow_inf_nan=False), **declared)


def _describe_error(error: ValidationError, where: Where) -> str:
    details = [(_format_path(detail["loc"]), detail) for detail in error.errors()]
    if missing := [path for path, detail in details if detail["type"] == "missing"]:
        return f"{where('')}{', '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing"
    path, first = details[0]
    if first["type"] == "json_invalid":
        return f"{where('')}a text holds bytes that are not UTF-8; give it another name"
    key = str(first["loc"][0])
    # Each member of a union has an error of its own.
    needs = dict.fromkeys(detail["msg"].partition(" should ")[2] for other, detail in details if other == path)
    return f"{where(key)}{path} is {json.dumps(first['input'])}; it must {' or '.join(needs)}"


def _format_path(location: tuple[int | str, ...]) -> str:
    """Return "lora.r" or "k.0"; pydantic's names for the members of a union are no part of it."""
    return ".".join(str(part) for part in location if isinstance(part, int) or part.isidentifier())
