"""The few lines at the end of a run."""

from __future__ import annotations

from ..lineage import GROUPS
from ..store import PAGE, REPORT
from . import wording
from .alarms import alarms
from .summary import Summary


def card(summary: Summary) -> str:
    """Warnings, pass@k with its interval, where the report lies, time per stage, what was and was not isolated."""
    lines = [("WARNING", told) for told in alarms(summary)]
    for score in summary.scores:
        rows = wording.passed(score)
        lines.append((f"{score.benchmark} {score.metric}", f"{wording.percent(score)}, {rows}"))
    for one in summary.slices:
        if (one.by, one.group) == (GROUPS, "untouched"):
            told = f"{wording.percent(one.score)}, {wording.passed(one.score)} that the training data did not touch"
            lines.append((f"{one.score.benchmark} untouched", told))
    for benchmark, statuses in summary.statuses.items():
        lines.append((f"{benchmark} verdicts", ", ".join(f"{count} {status}" for status, count in statuses.items())))
    if summary.truncated:
        lines.append(("truncated", f"{summary.truncated} samples ended at the token limit"))
    lines += [("judged apart", told) for told in wording.uncarried(summary)]
    for benchmark, problems in summary.time_fragile.items():
        if problems:
            lines.append((f"{benchmark} time-fragile", wording.fragile(problems)))
    if summary.cached:
        lines.append(("cached", f"{summary.cached} verdicts are those of equal programs, which ran once"))
    lines.append(("time", ", ".join(wording.stages(summary))))
    lines += wording.isolation(summary)
    lines.append(("report", str(summary.path / REPORT)))
    if (summary.path / PAGE).exists():
        lines.append(("page", str(summary.path / PAGE)))
    return "\n".join([*_columns([list(line) for line in lines]), *_by_rule(summary)])


def _by_rule(summary: Summary) -> list[str]:
    """The scores under each extraction rule, where they were measured."""
    if not summary.rules:
        return []
    return ["", *_columns([wording.RULE_HEADS, *wording.rules(summary)]), *wording.moved(summary)]


def _columns(rows: list[list[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
