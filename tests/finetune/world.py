"""Rows to train on, and a checkpoint that is trained on them within a second."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.finetune.config import TrainingConfig
from tests.commands import write_rows


def row(number: int) -> dict[str, str]:
    """An instruction, with an input in every third, and its answer."""
    code = f"def add_{number}(x):\n    return x + {number}"
    given = "" if number % 3 else f"x = {number}"
    return {"instruction": f"Add {number} to x.", "input": given, "output": f"```python\n{code}\n```"}


def write_data(path: Path, count: int = 12) -> Path:
    """`count` rows."""
    return write_rows(path, [row(number) for number in range(count)])


def small(base: Path, data: Path, out: Path, **changed: Any) -> TrainingConfig:
    """A configuration of a few steps in float32."""
    settings: Mapping[str, Any] = {
        "batch_size": 4,
        "max_length": 256,
        "learning_rate": 1e-3,
        "dtype": "float32",
        **changed,
    }
    return TrainingConfig(base=str(base), data=data, out=out, **settings)
