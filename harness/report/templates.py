"""Jinja2 pages: everything escaped, styles and scripts inlined, no request when they are opened."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from .. import __version__
from .code import style_sheet
from .plots import COLOURS


def render(name: str, **values: Any) -> str:
    """The page of the template `name`."""
    page = _environment().get_template(name)
    return str(page.render(version=__version__, colours=COLOURS, code_style=_raw(style_sheet()), **values))


def island(value: Any) -> Any:
    """JSON that a script element may hold: no tag in it can end the element."""
    return _raw(json.dumps(value, separators=(",", ":")).replace("<", "\\u003c"))


def raw(html: str) -> Any:
    """HTML of our own making, which is not escaped again."""
    return _raw(html)


def _raw(html: str) -> Any:
    from markupsafe import Markup

    return Markup(html)  # noqa: S704 - styles, plots and JSON made here


@cache
def _environment() -> Any:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    loader = PackageLoader("harness.report", "templates")
    return Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True)
