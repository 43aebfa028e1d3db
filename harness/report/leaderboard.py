"""Rank every run of a folder in one table, grouped so that only comparable runs are ranked together.

A group is a benchmark with its data, recipe, extraction, sampling and number of samples. Other differences
(sandbox, versions, hardware) are in each run's own report.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from ..errors import StoreError
from ..store import MANIFEST, PAGE, make_folder, write_text
from ..store.cleaning import escape_markdown, format_csv_cell
from ..store.jsonable import to_plain
from . import headline, plots, wording
from .board import BoardScore, BoardTable, build_scores, build_tables, list_published
from .summary import Summary, read
from .tables import format_table
from .templates import mark_safe, render

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

NAME = "leaderboard"
MOST_DRAWN = 20
"""Models that a picture shows, the best ones."""
COLUMNS = (
    "group",
    "model",
    "name",
    "metric",
    "score",
    "low",
    "high",
    "problems",
    "samples",
    "complete",
    "run",
    "data_digest",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaderboard:
    """The table and the folders that could not be read."""

    table: pd.DataFrame
    scores: tuple[BoardScore, ...]
    """The same scores for the page; `run` is the run folder's path."""
    skipped: tuple[tuple[Path, str], ...]


def build_leaderboard(folder: Path) -> Leaderboard:
    """Build the table of all runs at and below `folder`, the best of each group first.

    Raises:
        StoreError: there is no run.
    """
    import pandas as pd

    rows: list[Mapping[str, Any]] = []
    scores: list[BoardScore] = []
    skipped = []
    for manifest in sorted(folder.rglob(MANIFEST)):
        try:
            summary = read(manifest.parent)
            if "order" not in summary.manifest["identity"]:  # a repetition measures noise, not another model
                rows += list(_build_rows(summary))
                scores += _build_board_scores(summary)
        except (StoreError, KeyError) as error:
            skipped.append((manifest.parent, str(error)))
    if not rows:
        raise StoreError(f"{folder} holds no run with a score" + (f" ({skipped[0][1]})" if skipped else ""))
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    table = table.sort_values(["group", "metric", "score"], ascending=[True, True, False], kind="stable")
    return Leaderboard(table=table.reset_index(drop=True), scores=tuple(scores), skipped=tuple(skipped))


def write_leaderboard(found: Leaderboard, folder: Path) -> list[Path]:
    """Write leaderboard.csv, .md and .html into `folder`, and the pictures into a folder in it.

    Raises:
        StoreError: they cannot be written.
    """
    make_folder(folder)
    paths = [folder / f"{NAME}.{suffix}" for suffix in ("csv", "md", "html")]
    texts = [found.table.map(format_csv_cell).to_csv(index=False), format_markdown(found), _render_page(found, folder)]
    for path, text in zip(paths, texts, strict=True):
        write_text(path, text)
    plots.write_pictures(_draw_tables(build_tables(found.scores)), folder / plots.PLOTS)
    return paths


def format_markdown(found: Leaderboard) -> str:
    """Format the leaderboard as Markdown, a table for each group."""
    lines = ["# Leaderboard"]
    for name, rows in group_rows(found):
        lines += [
            "",
            f"## {escape_markdown(name)}",
            "",
            *format_table(["model", "metric", "score, % (95 %)", "problems", "run"], rows),
        ]
    lines += ["", *(f"- not read: {escape_markdown(f'{path}: {reason}')}" for path, reason in found.skipped)]
    return "\n".join(lines).rstrip() + "\n"


def to_json(found: Leaderboard) -> dict[str, Any]:
    """Return the table as JSON: rows, and the folders that could not be read."""
    rows = [{str(key): to_plain(value) for key, value in row.items()} for row in found.table.to_dict("records")]
    return {"rows": rows, "skipped": [{"path": str(path), "reason": reason} for path, reason in found.skipped]}


def group_rows(found: Leaderboard) -> Iterator[tuple[str, list[list[str]]]]:
    """Yield each group's name and its rows, formatted for people."""
    for name, group in found.table.groupby("group", sort=False):
        rows = []
        for row in group.to_dict("records"):
            model = row["name"] if row["complete"] else f"{row['name']} (unfinished)"
            score = f"{row['score']:.1f}" + (
                "" if math.isnan(row["low"]) else f" ({row['low']:.1f} to {row['high']:.1f})"
            )
            rows.append([model, row["metric"], score, str(row["problems"]), row["run"]])
        yield str(name), rows


def _build_rows(summary: Summary) -> Iterator[Mapping[str, Any]]:
    for score in summary.scores:
        if math.isnan(score.value):
            continue
        low, high = score.interval or (math.nan, math.nan)
        n = round(score.n_samples / max(1, score.n_problems))
        yield {
            "group": name_group(summary.manifest, score.benchmark, n),
            "model": wording.name_subject(summary.manifest),
            "name": headline.name_with_digest(summary.manifest),
            "metric": score.metric,
            "score": 100 * score.value,
            "low": 100 * low,
            "high": 100 * high,
            "problems": score.n_problems,
            "samples": score.n_samples,
            "complete": not (wording.format_unfinished(summary) or summary.infrastructure),
            "run": str(summary.path),
            "data_digest": summary.manifest["identity"]["benchmarks"][score.benchmark]["data_digest"],
        }


def name_group(manifest: Mapping[str, Any], benchmark: str, n: int) -> str:
    """Name the group of comparable runs: "humaneval (164 problems, data 1a2b3c4d), recipe chat 5e6f7a8b, greedy"."""
    parts = [
        headline.describe_benchmark(manifest, benchmark),
        headline.describe_recipe(manifest, benchmark),
        headline.describe_sampling(manifest),
    ]
    return ", ".join([*parts, f"{n} samples each"] if n > 1 else parts)


def _build_board_scores(summary: Summary) -> Iterator[BoardScore]:
    note = "unfinished" if wording.format_unfinished(summary) or summary.infrastructure else ""
    scores = [asdict(score) for score in summary.scores if not math.isnan(score.value)]
    amount = summary.cost.amount if summary.cost and len(summary.statuses) == 1 else None
    for score in build_scores(summary.manifest, scores, run=str(summary.path), url="", note=note):
        yield score if amount is None else replace(score, cost=amount)


def _render_page(found: Leaderboard, folder: Path) -> str:
    """Render the page that will lie in `folder`, with a link to the page of each run that has one."""
    tables = build_tables(replace(score, url=_make_link(Path(score.run), folder)) for score in found.scores)
    return render(
        "board.html",
        tables=tables,
        plots=[
            {"caption": caption, "svg": mark_safe(plots.render_svg(figure, caption))}
            for caption, figure in _draw_tables(tables)
        ],
        published=list_published(tables),
        pages=[],
        skipped=[f"not read: {path}: {reason}" for path, reason in found.skipped],
    )


def _draw_tables(tables: Iterable[BoardTable]) -> Iterator[tuple[str, Figure]]:
    """Draw the first column of each table of several models, also over cost where that is known, with captions."""
    for table in tables:
        benchmark, metric, _ = table.columns[0]
        cells = [cell for row in table.rows[:MOST_DRAWN] if (cell := row.cells.get(table.columns[0]))]
        bars = [
            (cell.model, cell.score / 100, None if math.isnan(cell.low) else (cell.low / 100, cell.high / 100))
            for cell in cells
        ]
        if len(bars) > 1:
            yield f"{benchmark} {metric}: {table.name}", plots.draw_bars(bars, f"{metric}, % (95 % interval)")
        costs = [
            (name, cell.cost, value, interval)
            for cell, (name, value, interval) in zip(cells, bars, strict=True)
            if not math.isnan(cell.cost)
        ]
        if len(costs) > 1:
            yield f"{benchmark} {metric} by cost: {table.name}", plots.draw_costs(costs, f"{metric}, %")


def _make_link(run: Path, folder: Path) -> str:
    page = run / PAGE
    return quote(os.path.relpath(page, folder)) if page.exists() else ""
