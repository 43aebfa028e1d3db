"""Highlight source as HTML with pygments; the text between the tags is the source itself."""

from __future__ import annotations

from functools import cache
from typing import Any

from .wording import replace_unprintable

LIGHT, DARK = "default", "github-dark"
LONGEST = 20_000
"""Longer code, in characters, is shown without colours; a model's endless repetition can be long."""


def highlight_code(source: str, language: str = "python") -> str:
    """Return `source` as escaped, highlighted HTML; `language` is a name that pygments knows."""
    from html import escape

    from pygments import highlight  # type: ignore[import-untyped]

    text = replace_unprintable(source)
    if len(text) > LONGEST:
        return escape(text)
    lexer, formatter = _load_pygments(language)
    return str(highlight(text, lexer, formatter))


def build_style_sheet() -> str:
    """Return the light and dark colours for highlighted code inside an element of class "hl"."""
    from pygments.formatters.html import HtmlFormatter  # type: ignore[import-untyped]

    light, dark = (HtmlFormatter(style=style, nobackground=True).get_style_defs(".hl") for style in (LIGHT, DARK))
    return f"{light}\n@media (prefers-color-scheme: dark) {{\n{dark}\n}}"


@cache
def _load_pygments(language: str) -> tuple[Any, Any]:
    from pygments.formatters.html import HtmlFormatter
    from pygments.lexers import get_lexer_by_name  # type: ignore[import-untyped]

    # a completion in PHP continues what its prompt opened
    options = {"startinline": True} if language == "php" else {}
    return get_lexer_by_name(language, stripnl=False, ensurenl=False, **options), HtmlFormatter(nowrap=True)
