"""`harness config schema` and `example`: what `harness run --config` reads."""

from __future__ import annotations

import json
import tomllib

from ..api import config_example, config_schema
from . import output


def schema() -> None:
    """Print the JSON Schema of the file, for editors and checkers."""
    made = config_schema()
    output.print_result(made, lambda: json.dumps(made, indent=2))


def example() -> None:
    """Print a file with every key, each with what it does; what is commented out is the default."""
    text = config_example()
    output.print_result(tomllib.loads(text), text)
