"""Tables in Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..store.cleaning import escape_markdown


def markdown_table(heads: Sequence[str], rows: Iterable[Sequence[str]], *, aligned: bool = False) -> list[str]:
    """Return the lines of a table; `aligned` gives a column's cells one width, for people who read the text."""
    lines = [[escape_markdown(cell) for cell in row] for row in (heads, *rows)]
    widths = [max(len(line[at]) for line in lines) if aligned else 0 for at in range(len(heads))]
    lines.insert(1, ["-" * (width or 3) for width in widths])
    return [
        "| " + " | ".join(f"{cell:<{width}}" for cell, width in zip(line, widths, strict=True)) + " |" for line in lines
    ]
