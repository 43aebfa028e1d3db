"""Tables in Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..store.cleaning import escape_markdown


def format_table(heads: Sequence[str], rows: Iterable[Sequence[str]], *, aligned: bool = False) -> list[str]:
    """Format a Markdown table as lines; `aligned` pads the cells of a column to one width."""
    lines = [[escape_markdown(cell) for cell in row] for row in (heads, *rows)]
    widths = [max(len(line[at]) for line in lines) if aligned else 0 for at in range(len(heads))]
    lines.insert(1, ["-" * (width or 3) for width in widths])
    return [
        "| " + " | ".join(f"{cell:<{width}}" for cell, width in zip(line, widths, strict=True)) + " |" for line in lines
    ]
