"""Parts of pages that take a while: a run's warnings, plots and facts, and comparisons; kept until their files change.

They are made from the templates of the static pages, one of a kind at a time, because each may read whole runs.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Lock
from typing import Any
from urllib.parse import urlencode

from ..compare import compare
from ..compare.page import build_row, collect_values, find_flips
from ..compare.tables import serialize_comparison
from ..errors import UsageError
from ..report.page import collect_overview
from ..report.templates import render
from ..report.wording import replace_unprintable
from ..store.jsonable import to_plain
from .folder import ResultsFolder, read_signature

KEPT = 16
RUN, COMPARISON = "run", "comparison"
Made = dict[str, Any]


class Fragments:
    """Makes parts of pages; safe to use from several threads. Raises as `ResultsFolder.find_run`, and StoreError."""

    def __init__(self, folder: ResultsFolder) -> None:
        self._folder = folder
        self._locks = {RUN: Lock(), COMPARISON: Lock()}
        self._made: OrderedDict[object, Made] = OrderedDict()

    def describe_run(self, run: str) -> Made:
        """Return {"alarms": warnings, "html": plots, scores and facts}."""
        return self._make(RUN, [run], lambda paths: _describe_run(paths[0]))

    def compare(self, runs: Sequence[str]) -> Made:
        """Return {"data": what compare.json has, "page": {"title", "html", "flips"}}.

        Raises:
            UsageError: one run is named.
        """
        if len(runs) < 2:
            raise UsageError("1 run is named; a comparison needs two or more")
        return self._make(COMPARISON, runs, lambda paths: _compare(paths, runs))

    def _make(self, what: str, runs: Sequence[str], make: Callable[[list[Path]], Made]) -> Made:
        paths = [self._folder.find_run(run) for run in runs]
        key = (what, tuple(runs), tuple(map(read_signature, paths)))
        with self._locks[what]:
            fragment = self._made.get(key) or make(paths)
            self._made[key] = fragment
            while len(self._made) > KEPT:
                self._made.popitem(last=False)
        return fragment


def _describe_run(path: Path) -> Made:
    values = collect_overview(path)
    return {"alarms": values["alarms"], "html": render("about.html", **values)}


def _compare(paths: Sequence[Path], runs: Sequence[str]) -> Made:
    comparison = compare(paths, allow_mixed=True, common=True)
    values = collect_values(comparison)
    names = dict(zip(paths, runs, strict=True))
    flips = []
    for flip in find_flips(comparison):
        row = build_row(flip)
        query = [
            ("benchmark", row["benchmark"]),
            ("task", row["task"]),
            ("run", runs[0]),
            ("run", names[flip.right.run.path]),
        ]
        flips.append({**row, "page": f"/problem?{urlencode(query)}"})
    title = replace_unprintable(f"{', '.join(values['others'])} against {values['first']}")
    html = render("differences.html", **values)
    return {"data": to_plain(serialize_comparison(comparison)), "page": {"title": title, "html": html, "flips": flips}}
