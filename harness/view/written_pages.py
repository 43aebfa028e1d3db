"""Pages that other commands left beside runs: of a training, of an evolution, of a loop.

They are shown in a sandbox of the browser, without access to the viewer: their scripts are their own.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

POLICY = (
    "sandbox allow-scripts; default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:"
)
KINDS = (
    ("harness.json", "training/report.html", "training"),
    ("evolve.json", "report.html", "evolution"),
    ("loop.html", "loop.html", "loop"),
)
"""A file that marks a folder, its page, and what the page is of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenPage:
    """A page and the folder that it is about."""

    name: str
    """Path of the file below the folder of results."""
    folder: Path
    file: Path
    kind: str

    @property
    def link(self) -> tuple[str, str]:
        """Return the text and the address of a link to the page."""
        return f"{self.kind}: {self.folder.name}", f"/page?{urlencode({'page': self.name})}"


def find_pages(root: Path, folder: Path, files: Collection[str]) -> Iterator[WrittenPage]:
    """Yield the pages of `folder`, which holds `files`; one that leads out of `root` is left out."""
    for mark, page, kind in KINDS:
        file = folder / page
        if mark in files and file.is_file() and file.resolve().is_relative_to(root):
            yield WrittenPage(name=file.relative_to(root).as_posix(), folder=folder, file=file, kind=kind)


def select_lineage(pages: Collection[WrittenPage], manifest: Mapping[str, Any]) -> list[WrittenPage]:
    """Return the pages of the training that a run's checkpoint came of, and of the evolution that made its data."""
    source = ((manifest.get("training") or {}).get("data") or {}).get("source")
    named = [(manifest.get("model") or {}).get("path"), manifest["config"].get("model"), source]
    paths = [Path(text).expanduser().resolve() for text in named if isinstance(text, str) and "\0" not in text]
    return [page for page in pages if any(path.is_relative_to(page.folder) for path in paths) and page.kind != "loop"]
