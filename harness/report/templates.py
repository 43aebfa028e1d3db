"""Render Jinja2 pages: everything is escaped, styles and scripts are inlined, opening one makes no request."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from .. import __version__
from .code import build_style_sheet
from .plots import COLOURS
from .wording import replace_unprintable


def render(name: str, *, layout: str = "base.html", nonce: str = "", **values: Any) -> str:
    """Render the page template `name`.

    `layout` is the frame around it: "base.html" for a file, "served.html" for `harness view`, whose content security
    policy runs scripts with `nonce` alone.
    """
    style = mark_safe(build_style_sheet())
    page = _load_environment().get_template(name)
    return str(
        page.render(version=__version__, colours=COLOURS, code_style=style, layout=layout, nonce=nonce, **values)
    )


def embed_json(value: Any) -> Any:
    """Serialize JSON for a script element, which no tag in it can end."""
    return mark_safe(json.dumps(value, separators=(",", ":")).replace("<", "\\u003c"))


def mark_safe(html: str) -> Any:
    """Mark HTML that was made here, so that it is not escaped again."""
    from markupsafe import Markup

    return Markup(html)  # noqa: S704 - styles, plots and JSON made here


@cache
def _load_environment() -> Any:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    loader = PackageLoader("harness.report", "templates")
    return Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, finalize=_clean_value
    )


def _clean_value(value: Any) -> Any:
    """Return what a template prints, without characters that a page cannot hold; HTML that was made here stays."""
    return replace_unprintable(value) if type(value) is str else value
