"""Paths as callers may give them."""

from __future__ import annotations

from pathlib import Path

Name = str | Path
"""A path as a text or as it is; of a model: a name, too."""


def to_path(name: Name | None) -> Path | None:
    """Return `name` as a path; None stays None."""
    return None if name is None else Path(name)
