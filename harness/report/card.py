"""Format the lines that end a run."""

from __future__ import annotations

import shlex
import textwrap
from collections.abc import Iterator

from ..metrics.cost import format_cost
from ..metrics.noise import format_noise, read_noise
from ..store import PAGE, REPORT
from ..store.provenance import format_throughput
from ..tasks.lineage import GROUPS
from . import wording
from .alarms import find_alarms
from .oddities import DESCRIPTIONS, UNANSWERED
from .summary import Summary
from .writing import list_provenance

LEAST_WIDTH = 40
"""Fewest columns of text beside the names; narrower wrapping would not help."""


def format_card(summary: Summary, width: int | None = None) -> str:
    """Format the scores, what they mean (warnings first), and where to look: report, page, `harness show`.

    `width` is the terminal's, in characters; longer lines are wrapped below their beginning. None: no wrapping.
    """
    lines = [
        *_format_scores(summary),
        *(("WARNING", warned) for warned in find_alarms(summary)),
        *_explain_scores(summary),
        *_format_costs(summary),
        *wording.summarize_isolation(summary),
        ("report", str(summary.path / REPORT)),
    ]
    if (summary.path / PAGE).exists():
        lines.append(("page", str(summary.path / PAGE)))
    lines.append(("more", f"harness show {shlex.quote(str(summary.path))}"))
    return "\n".join([*_wrap_lines(lines, width), *_format_rules(summary)])


def format_everything(summary: Summary, width: int | None = None) -> str:
    """Format the card's figures, then the isolation in full and the provenance; `width` as `format_card` takes it."""
    lines = [
        ("run", str(summary.path)),
        *_format_scores(summary),
        *(("WARNING", warned) for warned in find_alarms(summary)),
        *_explain_scores(summary),
        *_format_costs(summary),
        *wording.format_isolation(summary),
        *list_provenance(summary),
    ]
    return "\n".join([*_wrap_lines(lines, width), *_format_rules(summary)])


def _format_scores(summary: Summary) -> Iterator[tuple[str, str]]:
    for score in summary.scores:
        rows = wording.format_passed(score)
        yield f"{score.benchmark} {score.metric}", f"{wording.format_percent(score)}, {rows}"
    yield from wording.format_family_means(summary.scores)
    for one in summary.slices:
        if (one.by, one.group) == (GROUPS, "untouched"):
            text = f"{wording.format_percent(one.score)}, {wording.format_passed(one.score)}"
            yield f"{one.score.benchmark} untouched", f"{text} that the training data did not touch"


def _explain_scores(summary: Summary) -> Iterator[tuple[str, str]]:
    """Yield what became of the samples."""
    for benchmark, statuses in summary.statuses.items():
        yield f"{benchmark} verdicts", ", ".join(f"{count} {status}" for status, count in statuses.items())
    for benchmark, text in wording.format_shared(summary):
        yield f"{benchmark} shared", f"{text}, generated once"
    if summary.truncated:
        yield "truncated", f"{summary.truncated} samples ended at the token limit"
    if summary.unanswered:
        yield "no answer", f"{summary.unanswered} samples {DESCRIPTIONS[UNANSWERED]}"
    yield from wording.format_tokens(summary)
    yield from (("judged apart", one) for one in wording.format_uncarried(summary))
    yield from ((f"{benchmark} time-outs", text) for benchmark, text in wording.format_timeouts(summary))
    for benchmark, problems in summary.time_fragile.items():
        if problems:
            yield f"{benchmark} time-fragile", wording.format_fragile(problems)
    if summary.cached:
        yield "cached", f"{summary.cached} verdicts are those of equal programs, which ran once"
    yield from ((f"{noise.benchmark} noise", format_noise(noise)) for noise in read_noise(summary.path))


def _format_costs(summary: Summary) -> Iterator[tuple[str, str]]:
    yield "time", ", ".join(wording.format_stages(summary))
    if rate := format_throughput(summary.manifest):
        yield "throughput", rate
    if summary.cost:
        yield "cost", format_cost(summary.cost)


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
