"""A comparison's files: Markdown for people, JSON for machines."""

from __future__ import annotations

from pathlib import Path

from ..store import write_error, write_json, write_text
from . import tables
from .comparison import Comparison


def write(comparison: Comparison, folder: Path) -> list[Path]:
    """Write compare.md and compare.json into `folder`; their paths.

    Raises:
        StoreError: they cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise write_error(folder, error) from error
    for_people, for_machines = folder / "compare.md", folder / "compare.json"
    write_text(for_people, tables.markdown(comparison))
    write_json(for_machines, tables.as_json(comparison))
    return [for_people, for_machines]
