"""The keys of a run's configuration file, as JSON Schema and as an example; both are made from `RunConfig` itself."""

from __future__ import annotations

import json
from typing import Any

from .run import RunConfig

EXAMPLES = {"model": "smollm2-135m-instruct", "benchmarks": ["humaneval"]}
"""Example values of the keys without a default."""
VALUES = {
    "recipe": "wizardcoder",
    "recipe_file": "mine.toml",
    "system": "You write Python.",
    "sandbox": "process",
    "top_k": 40,
    "min_p": 0.05,
    "max_tokens": 512,
    "thinking_budget": 256,
    "limit": 10,
    "workers": 2,
    "dtype": "bfloat16",
    "quantization": "awq",
    "tensor_parallel_size": 1,
    "pipeline_parallel_size": 1,
    "max_model_len": 2048,
    "gpu_memory_utilization": 0.9,
    "batch_size": 64,
    "price": [0.15, 0.6],
    "max_cost": 5.0,
}
"""Example values of the keys whose default is None."""
ANY = {"string": "NAME", "integer": 1, "number": 0.5}
"""Example values of all other keys, by type."""


def build_run_schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of `harness run --config`'s file."""
    from pydantic import TypeAdapter
    from pydantic.json_schema import GenerateJsonSchema

    class Schema(GenerateJsonSchema):
        """TOML has no null: a key that may be None is left out."""

        def nullable_schema(self, schema: Any) -> dict[str, Any]:
            return self.generate_inner(schema["schema"])

        def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002
            return False

    schema = TypeAdapter(RunConfig).json_schema(schema_generator=Schema)
    for key in schema["properties"].values():
        key["description"] = " ".join(key["description"].split())
        if key.get("default", ...) is None:
            del key["default"]
    return {
        **schema,
        "$schema": GenerateJsonSchema.schema_dialect,
        "title": "harness run --config",
        "required": sorted(EXAMPLES),
    }


def build_run_example() -> str:
    """Return a TOML file with every key; those that have a default are comments."""
    lines = ["# harness run --config run.toml; flags win over the file."]
    for name, schema in build_run_schema()["properties"].items():
        value = EXAMPLES.get(name, VALUES.get(name, schema.get("default", ANY.get(schema["type"]))))
        mark = "" if name in EXAMPLES else "# "
        # TOML writes texts, numbers, truth values and lists as JSON does
        lines += ["", f"# {schema['description']}", f"{mark}{name} = {json.dumps(value)}"]
    return "\n".join(lines) + "\n"
