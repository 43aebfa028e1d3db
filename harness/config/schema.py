"""The keys of a run's configuration file, as JSON Schema and as an example; both are made from `RunConfig` itself."""

from __future__ import annotations

import ast
import inspect
import json
from collections.abc import Iterator
from dataclasses import MISSING, Field, fields
from typing import Any

from .run import RunConfig

TYPES = {"str": "string", "int": "integer", "float": "number", "bool": "boolean"}
EXAMPLES = {"model": "smollm2-135m-instruct", "benchmarks": ["humaneval"]}
"""What the keys that have no default may be."""
VALUES = {
    "recipe": "wizardcoder",
    "sandbox": "process",
    "top_k": 40,
    "min_p": 0.05,
    "max_tokens": 512,
    "limit": 10,
    "workers": 2,
    "dtype": "bfloat16",
    "quantization": "awq",
    "tensor_parallel_size": 1,
    "pipeline_parallel_size": 1,
    "max_model_len": 2048,
    "gpu_memory_utilization": 0.9,
    "batch_size": 64,
}
"""What the keys without a default value of their own may be."""
ANY = {"str": "NAME", "int": 1, "float": 0.5}
"""What a key that is not named above may be, by its type."""


def run_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of `harness run --config`'s file."""
    about = _about()
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "harness run --config",
        "type": "object",
        "additionalProperties": False,
        "required": sorted(EXAMPLES),
        "properties": {one.name: _property(one, about.get(one.name, "")) for one in fields(RunConfig)},
    }


def run_example() -> str:
    """A TOML file with every key; those that have a default are comments."""
    about = _about()
    lines = ["# harness run --config run.toml; flags win over the file."]
    for one in fields(RunConfig):
        lines.append("")
        if one.name in about:
            lines.append(f"# {about[one.name]}")
        value = EXAMPLES.get(one.name, VALUES.get(one.name, _default(one)))
        if value is None:
            value = ANY[str(one.type).partition(" ")[0]]
        mark = "" if one.name in EXAMPLES else "# "
        # TOML writes texts, numbers, truth values and lists as JSON does
        lines.append(f"{mark}{one.name} = {json.dumps(value)}")
    return "\n".join(lines) + "\n"


def _property(one: Field[Any], about: str) -> dict[str, Any]:
    declared = str(one.type).removesuffix(" | None")
    found: dict[str, Any] = {"description": about} if about else {}
    if declared.startswith("tuple"):
        inner = declared.removeprefix("tuple[").partition(",")[0]
        found |= {"type": "array", "items": {"type": TYPES[inner]}}
    else:
        found["type"] = TYPES[declared]
    if (default := _default(one)) is not None:
        found["default"] = default
    return found


def _default(one: Field[Any]) -> Any:
    if one.default is MISSING:
        return None
    return list(one.default) if isinstance(one.default, tuple) else one.default


def _about() -> dict[str, str]:
    """Field -> the docstring below it, in one line."""
    (body,) = ast.parse(inspect.getsource(RunConfig)).body
    assert isinstance(body, ast.ClassDef)
    return dict(_docstrings(body))


def _docstrings(body: ast.ClassDef) -> Iterator[tuple[str, str]]:
    for node, following in zip(body.body, body.body[1:], strict=False):
        if (
            isinstance(node, ast.AnnAssign)
            and isinstance(node.target, ast.Name)
            and isinstance(following, ast.Expr)
            and isinstance(following.value, ast.Constant)
        ):
            yield node.target.id, " ".join(str(following.value.value).split())
