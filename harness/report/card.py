"""Format the lines that end a run."""

from __future__ import annotations

import textwrap

from ..metrics.cost import format_cost
from ..metrics.noise import format_noise, read_noise
from ..store import PAGE, REPORT
from ..store.provenance import format_throughput
from ..tasks.lineage import GROUPS
from . import wording
from .alarms import find_alarms
from .oddities import DESCRIPTIONS, UNANSWERED
from .summary import Summary

LEAST_WIDTH = 40
"""Fewest columns of text beside the names; narrower wrapping would not help."""


def format_card(summary: Summary, width: int | None = None) -> str:
    """Format warnings, pass@k with intervals, time per stage, isolation, and the path of the report.

    `width` is the terminal's, in characters; longer lines are wrapped below their beginning. None: no wrapping.
    """
    return "\n".join([*_wrap_lines(_collect_lines(summary), width), *_format_rules(summary)])


def _collect_lines(summary: Summary) -> list[tuple[str, str]]:
    lines = [("WARNING", warned) for warned in find_alarms(summary)]
    for score in summary.scores:
        rows = wording.format_passed(score)
        lines.append((f"{score.benchmark} {score.metric}", f"{wording.format_percent(score)}, {rows}"))
    lines += wording.format_family_means(summary.scores)
    for one in summary.slices:
        if (one.by, one.group) == (GROUPS, "untouched"):
            text = f"{wording.format_percent(one.score)}, {wording.format_passed(one.score)}"
            lines.append((f"{one.score.benchmark} untouched", f"{text} that the training data did not touch"))
    for benchmark, statuses in summary.statuses.items():
        lines.append((f"{benchmark} verdicts", ", ".join(f"{count} {status}" for status, count in statuses.items())))
    lines += [(f"{benchmark} shared", f"{text}, generated once") for benchmark, text in wording.format_shared(summary)]
    if summary.truncated:
        lines.append(("truncated", f"{summary.truncated} samples ended at the token limit"))
    if summary.unanswered:
        lines.append(("no answer", f"{summary.unanswered} samples {DESCRIPTIONS[UNANSWERED]}"))
    lines += wording.format_tokens(summary)
    lines += [("judged apart", one) for one in wording.format_uncarried(summary)]
    lines += [(f"{benchmark} time-outs", text) for benchmark, text in wording.format_timeouts(summary)]
    for benchmark, problems in summary.time_fragile.items():
        if problems:
            lines.append((f"{benchmark} time-fragile", wording.format_fragile(problems)))
    if summary.cached:
        lines.append(("cached", f"{summary.cached} verdicts are those of equal programs, which ran once"))
    lines += [(f"{noise.benchmark} noise", format_noise(noise)) for noise in read_noise(summary.path)]
    lines.append(("time", ", ".join(wording.format_stages(summary))))
    if rate := format_throughput(summary.manifest):
        lines.append(("throughput", rate))
    if summary.cost:
        lines.append(("cost", format_cost(summary.cost)))
    lines += wording.format_isolation(summary)
    lines.append(("report", str(summary.path / REPORT)))
    if (summary.path / PAGE).exists():
        lines.append(("page", str(summary.path / PAGE)))
    return lines


def _wrap_lines(lines: list[tuple[str, str]], width: int | None) -> list[str]:
    """Put names on the left and texts beside them, wrapped to `width`."""
    indent = max(len(name) for name, _ in lines) + 2
    room = max((width or 0) - indent, LEAST_WIDTH)
    shown = []
    for name, text in lines:
        # A broken path cannot be clicked or copied.
        parts = textwrap.wrap(text, room, break_long_words=False, break_on_hyphens=False) if width else [text]
        for at, part in enumerate(parts or [""]):
            shown.append(f"{name if at == 0 else '':<{indent}}{part}".rstrip())
    return shown


def _format_rules(summary: Summary) -> list[str]:
    """Format the scores under each extraction rule, if they were measured."""
    if not summary.rules:
        return []
    table = _align_columns([wording.RULE_HEADS, *wording.format_rules(summary)])
    return ["", *table, *wording.format_rule_effect(summary)]


def _align_columns(rows: list[list[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
