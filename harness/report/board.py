"""Lay out scores of runs as models by benchmarks, one table for each comparable configuration.

Runs stand in one table if recipe, extraction, sampling and samples per problem agree, and in one column if the
benchmark's data and the digests of recipe and extraction agree too.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..models.published import read_published
from . import headline
from .wording import replace_unprintable

Column = tuple[str, str, str]
"""Benchmark, metric, and what of the benchmark and the recipe was used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardScore:
    """One score of one run; figures are in per cent, NaN if they are not known."""

    run: str
    """Identifies the run; links and comparisons use it."""
    url: str
    model: str
    digest: str
    """The beginning of the weights' digest, or ""."""
    date: str
    group: str
    column: Column
    score: float
    low: float
    high: float
    note: str = ""
    """What a reader has to know, such as "unfinished"."""
    cost: float = math.nan
    """What the run has cost, if it is of this benchmark alone."""

    @property
    def text(self) -> str:
        """Return "59.8", or a dash."""
        return "\u2013" if math.isnan(self.score) else f"{self.score:.1f}"

    @property
    def interval(self) -> str:
        """Return "52.1 to 67.0", or ""."""
        return "" if math.isnan(self.low) else f"{self.low:.1f} to {self.high:.1f}"


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardRow:
    """Scores of one model in one configuration."""

    model: str
    digest: str
    date: str
    cells: Mapping[Column, BoardScore]

    @property
    def runs(self) -> list[str]:
        """Return the runs that the cells are of."""
        return list(dict.fromkeys(cell.run for cell in self.cells.values()))


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardTable:
    """Rows that may be ranked below each other, best first by the first column."""

    name: str
    columns: tuple[Column, ...]
    rows: tuple[BoardRow, ...]


def build_scores(
    manifest: Mapping[str, Any], scores: Iterable[Mapping[str, Any]], *, run: str, url: str, note: str = ""
) -> Iterator[BoardScore]:
    """Yield the board's scores of a run; `scores` are those of scores.json.

    Raises:
        KeyError, TypeError, ValueError: manifest or scores are damaged.
    """
    for score in scores:
        benchmark, samples, problems = score["benchmark"], score["n_samples"], score["n_problems"]
        low, high = score["interval"] or (math.nan, math.nan)
        value = math.nan if score["value"] is None else score["value"]
        n = round(samples / max(1, problems)) if samples else manifest["config"].get("n", 1)
        yield BoardScore(
            run=run,
            url=url,
            model=replace_unprintable(headline.name_model(manifest)),
            digest=replace_unprintable(headline.shorten_weights_digest(manifest)),
            date=headline.find_date(manifest),
            group=replace_unprintable(_name_configuration(manifest, benchmark, n)),
            column=(
                replace_unprintable(benchmark),
                replace_unprintable(score["metric"]),
                replace_unprintable(
                    ", ".join(
                        [headline.describe_problems(manifest, benchmark), headline.describe_recipe(manifest, benchmark)]
                    )
                ),
            ),
            score=100 * value,
            low=100 * low,
            high=100 * high,
            note=note,
        )


def build_tables(scores: Iterable[BoardScore]) -> list[BoardTable]:
    """Lay scores out in tables; a model that has a column twice, by two runs, has two rows."""
    groups: dict[str, list[BoardScore]] = {}
    for score in scores:
        groups.setdefault(score.group, []).append(score)
    return [_build_table(name, members) for name, members in sorted(groups.items())]


def list_published(tables: Iterable[BoardTable]) -> list[tuple[str, str, str, str]]:
    """List the published figures about the tables' benchmarks, as (benchmark and metric, model, figure, source)."""
    benchmarks = {benchmark for table in tables for benchmark, _, _ in table.columns}
    return [
        (
            f"{row.benchmark} {row.metric}",
            row.model,
            f"{row.percent:.1f}",
            ", ".join(filter(None, [row.how, row.source])),
        )
        for row in read_published(benchmarks)
    ]


def _build_table(name: str, scores: Iterable[BoardScore]) -> BoardTable:
    rows: dict[tuple[str, str], list[dict[Column, BoardScore]]] = {}
    columns: dict[Column, None] = {}
    for score in scores:
        columns[score.column] = None
        same_model = rows.setdefault((score.model, score.digest), [])
        free = next((cells for cells in same_model if score.column not in cells), None)
        if free is None:
            same_model.append(free := {})
        free[score.column] = score
    ordered = tuple(sorted(columns, key=lambda column: (column[0], column[1] != "pass@1", column[1:])))
    made = [
        BoardRow(model=model, digest=digest, date=max(cell.date for cell in cells.values()), cells=cells)
        for (model, digest), several in rows.items()
        for cells in several
    ]
    made.sort(key=lambda row: [-_rank(row.cells.get(column)) for column in ordered])
    return BoardTable(name=name, columns=ordered, rows=tuple(made))


def _rank(cell: BoardScore | None) -> float:
    return -1.0 if cell is None or math.isnan(cell.score) else cell.score


def _name_configuration(manifest: Mapping[str, Any], benchmark: str, n: int) -> str:
    """Return "recipe chat, greedy, 512 tokens": what has to agree over benchmarks."""
    identity = manifest["identity"]
    recipe, extraction = (
        (identity.get(what, {}).get(benchmark) or {}).get("name") for what in ("recipe", "extraction")
    )
    parts = [f"recipe {recipe or 'not known'}"]
    if extraction != recipe:
        parts.append(f"extraction {extraction or 'not known'}")
    parts.append(headline.describe_sampling(manifest))
    return ", ".join([*parts, f"{n} samples each"] if n > 1 else parts)
