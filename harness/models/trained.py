"""Read the manifest of a checkpoint that was trained here: `harness.json` beside its config.json.

It holds the base, the data's digest, the recipe with its digest, the settings, versions, losses, and the benchmark
problems that the data touched. The weights beside it may have been replaced since.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ..errors import ModelError, reason
from .table import OWN_MANIFEST


def read_training(folder: Path) -> dict[str, Any] | None:
    """Read the training manifest in `folder`; None if there is none.

    Raises:
        ModelError: it cannot be read, or is not a JSON object.
    """
    file = folder / OWN_MANIFEST
    try:
        record = json.loads(file.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError) as error:
        raise ModelError(f"{file} cannot be read: {reason(error)}") from error
    if not isinstance(record, dict):
        raise ModelError(f"{file} is not a JSON object")
    return record
