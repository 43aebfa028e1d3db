"""Write a comparison's files: Markdown for a pull request, JSON for programs, a page for people."""

from __future__ import annotations

from pathlib import Path

from ..report.plots import PLOTS, write_pictures
from ..store import make_folder, write_json, write_text
from . import tables
from .comparison import Comparison
from .page import PAGE, draw_plots, write_page


def write_comparison(comparison: Comparison, folder: Path) -> list[Path]:
    """Write compare.md, compare.json and compare.html into `folder`, and return their paths; `plots` has the pictures.

    Raises:
        StoreError: they cannot be written.
    """
    make_folder(folder)
    for_people, for_machines = folder / "compare.md", folder / "compare.json"
    write_text(for_people, tables.format_markdown(comparison))
    write_json(for_machines, tables.serialize_comparison(comparison))
    write_page(comparison, folder / PAGE)
    write_pictures(draw_plots(comparison), folder / PLOTS)
    return [for_people, for_machines, folder / PAGE]
