"""Digest a benchmark's problems, by which runs tell versions of its data apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, is_dataclass
from typing import Any

from ..digests import digest_json
from ..types import Problem


def digest_problems(problems: Sequence[Problem]) -> str:
    """Return SHA-256 (hex) of problems; their inputs may hold values that JSON lacks."""
    return digest_json(problems, default=_encode_value, allow_nan=True)


def _encode_value(value: Any) -> Any:
    if is_dataclass(value):  # not `asdict`, which would copy every value of every input first
        return {field.name: getattr(value, field.name) for field in fields(value)}
    if isinstance(value, complex):
        return {"complex": [value.real, value.imag]}
    if isinstance(value, set):
        return {"set": sorted(map(repr, value))}
    raise TypeError(f"{type(value).__name__} has no canonical form")
