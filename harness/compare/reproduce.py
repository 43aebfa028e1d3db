"""Reproduce a published table: published figures, measured ones with intervals, and whether they agree.

Targets are the TOML files of `targets/`; their figures are those of `harness/models/checkpoints.toml`. A checkpoint is
run in the published configuration; a samples file is scored. Figures agree if the published one is within the measured
95 % interval. For 164 problems that is 15 points wide, so the table shows the difference as well.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path
from typing import Any

from ..config import RunConfig, ScoreConfig
from ..data.sample_files import read_samples_file
from ..errors import DataError, SamplesError, UsageError
from ..evaluation import pipeline, scoring
from ..models.published import read_published
from ..optional import get_language
from ..progress import Progress
from ..registry import lookup
from ..report.summary import Summary
from ..report.tables import format_table
from ..store import write_json, write_text
from ..tasks.suite import load_suite
from ..tasks.variants import list_usable_languages
from ..types import Score
from .tables import format_interval, format_points

GREEDY = "greedy"
HEADS = ["checkpoint", "benchmark", "metric", "how", "published", "measured (95 %)", "difference", "agree"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reproduction:
    """A published figure, and what was measured for it."""

    checkpoint: str
    benchmark: str
    metric: str
    how: str
    percent: float
    measured: Score | None = None
    note: str = ""
    """Why nothing was measured."""

    @property
    def agrees(self) -> bool | None:
        """Return whether the published figure is within the measured interval; None if nothing was measured."""
        if self.measured is None or self.measured.interval is None:
            return None
        low, high = self.measured.interval
        return low <= self.percent / 100 <= high


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedTable:
    """A published table."""

    name: str
    recipe: str
    max_tokens: int
    sampling: Mapping[str, Mapping[str, Any]]
    """Sampling (n, temperature, top_p) by the `how` of a figure, and what else is not the table's own there."""
    rows: tuple[Reproduction, ...]

    def find_checkpoint(self, name: str) -> str:
        """Return the full name of the checkpoint called `name`, which may be short, such as "15B".

        Raises:
            UsageError: there is none, or several.
        """
        known = list(dict.fromkeys(row.checkpoint for row in self.rows))
        matches = [full for full in known if name.lower() == full.lower() or name.lower() in full.lower().split("-")]
        if len(matches) != 1:
            raise UsageError(f'checkpoint "{name}" is not in {self.name}; there are {", ".join(known)}')
        return matches[0]


def list_targets() -> list[str]:
    """List the names of all targets."""
    entries = files("harness.compare").joinpath("targets").iterdir()
    return sorted(path.name.removesuffix(".toml") for path in entries if path.name.endswith(".toml"))


def read_target(name: str) -> PublishedTable:
    """Read the target called `name`.

    Raises:
        UsageError: there is none.
    """
    if name not in list_targets():
        raise UsageError(f'"{name}" cannot be reproduced; there is {", ".join(list_targets())}')
    table = tomllib.loads((files("harness.compare") / "targets" / f"{name}.toml").read_text(encoding="utf-8"))
    rows = [
        Reproduction(
            checkpoint=row.model, benchmark=row.benchmark, metric=row.metric, how=row.how or GREEDY, percent=row.percent
        )
        for row in read_published(table["benchmarks"])
        if row.model in table["checkpoints"]
    ]
    return PublishedTable(
        name=name,
        recipe=table["recipe"],
        max_tokens=table["max_tokens"],
        sampling={how: table[how] for how in {row.how for row in rows}},
        rows=tuple(rows),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ReproductionRequest:
    """Request to reproduce a table."""

    checkpoints: Mapping[str, str]
    """Full name -> model, as `harness run` takes it."""
    samples: Mapping[str, Path]
    """Full name -> samples file."""
    out: Path
    sandbox: str | None = None
    sampled: bool = False
    """Also reproduce the figures that were published from many samples of each problem."""


def reproduce(
    target: PublishedTable, request: ReproductionRequest, *, progress: Progress | None = None
) -> list[Reproduction]:
    """Run or score what `request` names, and return the target's rows; the runs are kept in `request.out`.

    Raises:
        UsageError: a file is missing, or nothing could be measured.
        HarnessError: as `pipeline.run` and `scoring.score`.
    """
    for file in request.samples.values():
        if not file.is_file():
            raise UsageError(f"samples file {file} does not exist")
    rows = []
    for name in dict.fromkeys([*request.checkpoints, *request.samples]):
        own = [row for row in target.rows if row.checkpoint == name]
        for how, benchmark in dict.fromkeys((row.how, row.benchmark) for row in own):
            same = [row for row in own if (row.how, row.benchmark) == (how, benchmark)]
            summary, note = _measure(target, request, (name, how, benchmark), progress)
            rows += [_fill_row(row, summary, note) for row in same]
    if all(row.measured is None for row in rows):
        raise UsageError(f"nothing of {target.name} was measured: {'; '.join(dict.fromkeys(row.note for row in rows))}")
    write_text(request.out / "reproduce.md", format_markdown(target, rows))
    write_json(request.out / "reproduce.json", serialize_rows(rows))
    return rows


def format_markdown(target: PublishedTable, rows: Sequence[Reproduction]) -> str:
    """Format the table as Markdown."""
    table = format_table(HEADS, map(_format_cells, rows), aligned=True)
    return "\n".join([f"# {target.name}: published and measured", "", *table, *_format_notes(rows)]) + "\n"


def serialize_rows(rows: Iterable[Reproduction]) -> list[dict[str, Any]]:
    """Serialize the table; figures are in per cent."""
    return [_serialize_row(row) for row in rows]


def _measure(
    target: PublishedTable, request: ReproductionRequest, what: tuple[str, str, str], progress: Progress | None
) -> tuple[Summary | None, str]:
    """Return the run behind one row, or why there is none."""
    name, how, benchmark = what
    out = request.out / f"{name}-{benchmark}-{how}"
    n = target.sampling[how]["n"]
    try:
        if name in request.samples:
            file = request.samples[name]
            per_task = _count_samples_per_task(file, benchmark)
            if (per_task == 1) != (n == 1):
                return None, f"{file.name} has {per_task} samples of each problem; the figure is from {n}"
            config = ScoreConfig(samples=file, benchmark=benchmark, sandbox=request.sandbox)
            return scoring.score(config, out=out, progress=progress), ""
        if n > 1 and not request.sampled:
            return None, f"needs {n} samples of each problem: --sampled"
        language = get_language(lookup("benchmarks", benchmark))
        if language not in list_usable_languages(request.sandbox):
            return None, f'the sandbox cannot run programs in "{language}" (`harness sandbox build languages`)'
        return pipeline.run(_build_run_config(target, request, what), out=out, progress=progress), ""
    except (DataError, SamplesError) as error:
        return None, str(error)


def _build_run_config(target: PublishedTable, request: ReproductionRequest, what: tuple[str, str, str]) -> RunConfig:
    name, how, benchmark = what
    settings = {"recipe": target.recipe, "max_tokens": target.max_tokens, **target.sampling[how]}
    return RunConfig(model=request.checkpoints[name], benchmarks=(benchmark,), sandbox=request.sandbox, **settings)


def _count_samples_per_task(path: Path, benchmark: str) -> int:
    task_ids = list(load_suite(benchmark).problems)
    return max(1, len(read_samples_file(path, benchmark=benchmark, task_ids=task_ids).samples) // len(task_ids))


def _fill_row(row: Reproduction, summary: Summary | None, note: str) -> Reproduction:
    measured = None
    if summary is not None:
        measured = next((s for s in summary.scores if (s.benchmark, s.metric) == (row.benchmark, row.metric)), None)
    return replace(row, measured=measured, note=note)


def _format_cells(row: Reproduction) -> list[str]:
    head = [row.checkpoint, row.benchmark, row.metric, row.how, f"{row.percent:.1f}"]
    if row.measured is None:
        return [*head, "", "", "not measured"]
    value = row.measured.value
    low, high = row.measured.interval or (float("nan"), float("nan"))
    interval = format_interval(100 * value, 100 * low, 100 * high).partition(" ")[2]
    agree = {True: "yes", False: "NO", None: ""}[row.agrees]
    return [*head, f"{100 * value:.2f} {interval}".strip(), format_points(value - row.percent / 100, None), agree]


def _format_notes(rows: Iterable[Reproduction]) -> list[str]:
    notes = dict.fromkeys(f"- {row.checkpoint}, {row.benchmark} {row.how}: {row.note}" for row in rows if row.note)
    return ["", *notes] if notes else []


def _serialize_row(row: Reproduction) -> dict[str, Any]:
    measured = row.measured
    return {
        "checkpoint": row.checkpoint,
        "benchmark": row.benchmark,
        "metric": row.metric,
        "how": row.how,
        "published": row.percent,
        "measured": None if measured is None else round(100 * measured.value, 4),
        "interval": [round(100 * end, 4) for end in measured.interval] if measured and measured.interval else None,
        "agrees": row.agrees,
        "note": row.note,
    }
