"""The few lines at the end of a run."""

from __future__ import annotations

import textwrap

from ..metrics.noise import read_noise, told
from ..store import PAGE, REPORT
from ..store.provenance import throughput
from ..tasks.lineage import GROUPS
from . import wording
from .alarms import alarms
from .summary import Summary

LEAST_WIDTH = 40
"""Columns of text beside the names, below which wrapping would not help any more."""


def card(summary: Summary, width: int | None = None) -> str:
    """Warnings, pass@k with its interval, time per stage, what was and was not isolated, where the report lies.

    `width` is the terminal's, in characters: longer lines go on below their own beginning. None: one line each.
    """
    return "\n".join([*_named(_lines(summary), width), *_by_rule(summary)])


def _lines(summary: Summary) -> list[tuple[str, str]]:
    lines = [("WARNING", warned) for warned in alarms(summary)]
    for score in summary.scores:
        rows = wording.passed(score)
        lines.append((f"{score.benchmark} {score.metric}", f"{wording.percent(score)}, {rows}"))
    for one in summary.slices:
        if (one.by, one.group) == (GROUPS, "untouched"):
            left = f"{wording.percent(one.score)}, {wording.passed(one.score)} that the training data did not touch"
            lines.append((f"{one.score.benchmark} untouched", left))
    for benchmark, statuses in summary.statuses.items():
        lines.append((f"{benchmark} verdicts", ", ".join(f"{count} {status}" for status, count in statuses.items())))
    if summary.truncated:
        lines.append(("truncated", f"{summary.truncated} samples ended at the token limit"))
    lines += [("judged apart", one) for one in wording.uncarried(summary)]
    lines += [(f"{benchmark} time-outs", told_of) for benchmark, told_of in wording.timeouts(summary)]
    for benchmark, problems in summary.time_fragile.items():
        if problems:
            lines.append((f"{benchmark} time-fragile", wording.fragile(problems)))
    if summary.cached:
        lines.append(("cached", f"{summary.cached} verdicts are those of equal programs, which ran once"))
    lines += [(f"{noise.benchmark} noise", told(noise)) for noise in read_noise(summary.path)]
    lines.append(("time", ", ".join(wording.stages(summary))))
    if rate := throughput(summary.manifest):
        lines.append(("throughput", rate))
    lines += wording.isolation(summary)
    lines.append(("report", str(summary.path / REPORT)))
    if (summary.path / PAGE).exists():
        lines.append(("page", str(summary.path / PAGE)))
    return lines


def _named(lines: list[tuple[str, str]], width: int | None) -> list[str]:
    """Names on the left, texts beside them; where one is too long for `width` it goes on below."""
    indent = max(len(name) for name, _ in lines) + 2
    room = max((width or 0) - indent, LEAST_WIDTH)
    shown = []
    for name, text in lines:
        # A path that is broken cannot be clicked or copied.
        parts = textwrap.wrap(text, room, break_long_words=False, break_on_hyphens=False) if width else [text]
        for at, part in enumerate(parts or [""]):
            shown.append(f"{name if at == 0 else '':<{indent}}{part}".rstrip())
    return shown


def _by_rule(summary: Summary) -> list[str]:
    """The scores under each extraction rule, where they were measured."""
    if not summary.rules:
        return []
    return ["", *_columns([wording.RULE_HEADS, *wording.rules(summary)]), *wording.moved(summary)]


def _columns(rows: list[list[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
