"""Published figures of known checkpoints, as rows beside what was measured.

Read from `harness/models/checkpoints.toml`, or another file of its form:

    [checkpoints."WizardCoder-15B-V1.0"]
    published = [{ benchmark = "humaneval", percent = 59.8, how = "greedy", source = "wizardcoder" }]

`metric` defaults to pass@1; a row with `part` is about a part of the benchmark and is left out here.
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
class PublishedScore:
    """A figure that its authors published; not measured here."""

    model: str
    benchmark: str
    metric: str
    percent: float
    how: str
    source: str


def read_published(benchmarks: Collection[str], path: Path | None = None) -> list[PublishedScore]:
    """The figures about whole `benchmarks`; none where the package has no table.

    Raises:
        DataError: the table cannot be read, or a row has not the form above.
    """
    where = path or files("harness.models") / TABLE
    if path is None and not where.is_file():
        return []
    try:
        table = tomllib.loads(where.read_text(encoding="utf-8"))
        sources = table.get("sources", {})
        found = [
            _parse_row(model, row, sources)
            for model, facts in table["checkpoints"].items()
            for row in facts.get("published", [])
            if "part" not in row
        ]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"{where} is not a table of published figures: {error!r}") from error
    return [row for row in found if row.benchmark in benchmarks]


def _parse_row(model: str, row: dict[str, Any], sources: dict[str, str]) -> PublishedScore:
    source = str(row.get("source", ""))
    return PublishedScore(
        model=model,
        benchmark=row["benchmark"],
        metric=row.get("metric", "pass@1"),
        percent=float(row["percent"]),
        how=row.get("how", ""),
        source=sources.get(source, source),
    )
