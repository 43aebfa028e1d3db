"""Progress of long work on the terminal, and what closed or redirected streams need."""

from .bars import (
    Progress,
    Quiet,
    open_progress,
    span,
)

__all__ = [
    "Progress",
    "Quiet",
    "open_progress",
    "span",
]
