"""Python source as highlighted HTML, by pygments; the text between the tags is the source itself."""

from __future__ import annotations

from functools import cache
from typing import Any

from .wording import printable

LIGHT, DARK = "default", "github-dark"
LONGEST = 20_000
"""Characters over which code is shown without colours; a loop of a model's can be long."""


def highlighted(source: str) -> str:
    """`source` as HTML, escaped."""
    from html import escape

    from pygments import highlight  # type: ignore[import-untyped]

    text = printable(source)
    if len(text) > LONGEST:
        return escape(text)
    lexer, formatter = _tools()
    return str(highlight(text, lexer, formatter))


def style_sheet() -> str:
    """The colours, light and dark, of what `highlighted` gives inside an element of class "hl"."""
    from pygments.formatters.html import HtmlFormatter  # type: ignore[import-untyped]

    light, dark = (HtmlFormatter(style=style, nobackground=True).get_style_defs(".hl") for style in (LIGHT, DARK))
    return f"{light}\n@media (prefers-color-scheme: dark) {{\n{dark}\n}}"


@cache
def _tools() -> tuple[Any, Any]:
    from pygments.formatters.html import HtmlFormatter
    from pygments.lexers.python import PythonLexer  # type: ignore[import-untyped]

    return PythonLexer(stripnl=False, ensurenl=False), HtmlFormatter(nowrap=True)
