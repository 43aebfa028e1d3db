"""Read published figures of known checkpoints, which are shown beside measured ones.

Read from checkpoints.toml beside this file, or another file of its form:

    [checkpoints."WizardCoder-15B-V1.0"]
    published = [{ benchmark = "humaneval", percent = 59.8, how = "greedy", source = "wizardcoder" }]

`metric` defaults to pass@1; a row with `part` is about a part of the benchmark and is skipped here.
"""

from __future__ import annotations

import tomllib
from collections.abc import Collection
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from ..errors import DataError

TABLE = "checkpoints.toml"


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedRow:
    """A figure that its authors published; not measured here."""

    model: str
    benchmark: str
    metric: str
    percent: float
    how: str
    source: str


def read_published(benchmarks: Collection[str], path: Path | None = None) -> list[PublishedRow]:
    """Read the figures about whole `benchmarks`; return none if the package has no table.

    Raises:
        DataError: the table cannot be read, or a row does not have the form above.
    """
    source = path or files(__package__) / TABLE
    if path is None and not source.is_file():
        return []
    try:
        table = tomllib.loads(source.read_text(encoding="utf-8"))
        sources = table.get("sources", {})
        scores = [
            _parse_row(model, row, sources)
            for model, facts in table["checkpoints"].items()
            for row in facts.get("published", [])
            if "part" not in row
        ]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"{source} is not a table of published figures: {error!r}") from error
    return [row for row in scores if row.benchmark in benchmarks]


def _parse_row(model: str, row: dict[str, Any], sources: dict[str, str]) -> PublishedRow:
    source = str(row.get("source", ""))
    return PublishedRow(
        model=model,
        benchmark=row["benchmark"],
        metric=row.get("metric", "pass@1"),
        percent=float(row["percent"]),
        how=row.get("how", ""),
        source=sources.get(source, source),
    )
