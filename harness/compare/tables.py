"""A comparison as a pandas table, as Markdown that also reads well on a terminal, and as JSON."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from ..report.tables import format_table
from ..store.cleaning import escape_markdown
from ..types import Score
from .comparison import Comparison, Difference

if TYPE_CHECKING:
    import pandas as pd

Row = dict[str, Any]
MODEL, PUBLISHED = 2, ", published"
"""The model's column, and the suffix of published rows, which pages show apart."""
SHOWN_TASKS = 40
"""Task ids that a list shows on a terminal and in Markdown; JSON has all."""


def build_frame(comparison: Comparison) -> pd.DataFrame:
    """Build a row per benchmark, metric and model, published ones last; figures are in per cent and points."""
    import pandas as pd

    rows: list[Row] = []
    shown: set[tuple[str, str, int, float]] = set()
    first = comparison.runs[0].name
    for difference in comparison.differences:
        common = {"benchmark": difference.benchmark, "metric": difference.metric}
        key = (difference.benchmark, difference.metric, difference.baseline.n_problems, difference.baseline.value)
        if key not in shown:
            shown.add(key)
            rows.append({**common, "model": first, "source": "measured", **_build_score_columns(difference.baseline)})
        columns = _build_score_columns(difference.candidate) | _build_change_columns(difference)
        rows.append({**common, "model": difference.run, "source": "measured", **columns})
    for score in comparison.published:
        rows.append(
            {
                "benchmark": score.benchmark,
                "metric": score.metric,
                "model": f"{score.model} ({score.how})" if score.how else score.model,
                "source": "published",
                "score": score.percent,
            }
        )
    order = list(dict.fromkeys((row["benchmark"], row["metric"]) for row in rows))
    rows.sort(key=lambda row: order.index((row["benchmark"], row["metric"])))
    return pd.DataFrame(rows, columns=COLUMNS)


COLUMNS = [
    *("benchmark", "metric", "model", "source", "problems", "score", "low", "high"),
    *("difference", "difference_low", "difference_high", "p", "p_holm", "lost", "gained"),
]


def _build_score_columns(score: Score) -> Row:
    low, high = score.interval or (math.nan, math.nan)
    return {"problems": score.n_problems, "score": 100 * score.value, "low": 100 * low, "high": 100 * high}


def _build_change_columns(difference: Difference) -> Row:
    low, high = difference.interval or (math.nan, math.nan)
    return {
        "difference": 100 * difference.value,
        "difference_low": 100 * low,
        "difference_high": 100 * high,
        "p": difference.p_value,
        "p_holm": difference.p_corrected,
        "lost": len(difference.lost),
        "gained": len(difference.gained),
    }


def format_markdown(comparison: Comparison) -> str:
    """Format the whole comparison as Markdown, for a pull request or a terminal."""
    first = comparison.runs[0].name
    mark = " (mixed: not comparable)" if comparison.mixed else ""
    lines = [f"# Comparison with {escape_markdown(first)}{mark}", ""]
    lines += [f"- **not comparable**: {escape_markdown(reason)}" for reason in comparison.mixed]
    lines += [f"- {caveat}" for caveat in comparison.caveats]
    heads, *rows = format_rows(comparison)
    lines += [*([""] if comparison.mixed or comparison.caveats else []), *format_table(heads, rows, aligned=True), ""]
    lines += [f"- {method}" for method in comparison.tests]
    for difference in comparison.differences:
        if difference.metric.endswith("pass@1"):
            lines += ["", f"## {escape_markdown(difference.run)}, {difference.benchmark} {difference.metric}", ""]
            lines += [f"- lost ({len(difference.lost)}): {format_task_ids(difference.lost)}"]
            lines += [f"- gained ({len(difference.gained)}): {format_task_ids(difference.gained)}"]
    if tokens := format_token_rows(comparison):
        lines += ["", "## Tokens of a completion, on average", "", *format_table(TOKEN_HEADS, tokens, aligned=True)]
    # For two runs these are the lost and the gained ones.
    for benchmark, by_run in comparison.only_by.items() if len(comparison.runs) > 2 else ():
        lines += ["", f"## Solved by one alone, {benchmark}", ""]
        lines += [f"- {escape_markdown(run)} ({len(tasks)}): {format_task_ids(tasks)}" for run, tasks in by_run.items()]
    return "\n".join(lines) + "\n"


TOKEN_HEADS = ["benchmark", "model", "reasoning", "answer"]


def format_token_rows(comparison: Comparison) -> list[list[str]]:
    """Format a row for each benchmark and run whose tokens are known; none if no run reasons."""
    if not any(run.summary.reasons for run in comparison.runs):
        return []
    return [
        [name, run.name, f"{means.reasoning:.0f}", f"{means.answer:.0f}"]
        for name in dict.fromkeys(difference.benchmark for difference in comparison.differences)
        for run in comparison.runs
        if (means := run.summary.tokens.get(name))
    ]


def serialize_comparison(comparison: Comparison) -> dict[str, Any]:
    """Serialize the whole comparison; what is not known is null."""
    table = build_frame(comparison)
    rows = [
        {str(key): _to_json_value(str(key), value) for key, value in row.items()} for row in table.to_dict("records")
    ]
    return {
        "runs": [
            {"name": run.name, "path": str(run.path), "digest": str(run.summary.manifest["digest"])}
            for run in comparison.runs
        ],
        "tokens": {
            run.name: {name: asdict(means) for name, means in run.summary.tokens.items()} for run in comparison.runs
        },
        "mixed": list(comparison.mixed),
        "caveats": list(comparison.caveats),
        "methods": comparison.tests,
        "rows": rows,
        "flips": [
            {
                "run": difference.run,
                "benchmark": difference.benchmark,
                "metric": difference.metric,
                "lost": list(difference.lost),
                "gained": list(difference.gained),
            }
            for difference in comparison.differences
            if difference.metric.endswith("pass@1")
        ],
        "solved_only_by": {
            name: {run: list(tasks) for run, tasks in by.items()} for name, by in comparison.only_by.items()
        },
    }


def format_task_ids(tasks: Sequence[str], most: int = SHOWN_TASKS) -> str:
    """Format task ids as one line: all of them, the first of many, or "none"."""
    more = f" and {len(tasks) - most} more" if len(tasks) > most else ""
    return ", ".join(map(escape_markdown, tasks[:most])) + more if tasks else "none"


def format_points(value: float, interval: tuple[float, float] | None) -> str:
    """Return "-4.3 (-7.9 to -0.6)", from fractions of 1."""
    low, high = interval or (math.nan, math.nan)
    return format_interval(100 * value, 100 * low, 100 * high, sign="+")


def format_interval(value: float, low: float, high: float, sign: str = "") -> str:
    """Format a figure and its interval, if it has one; a NaN figure is ""."""
    if math.isnan(value):
        return ""
    text = f"{value:{sign}.1f}"
    return text if math.isnan(low) else f"{text} ({low:{sign}.1f} to {high:{sign}.1f})"


def format_p_value(p: float) -> str:
    """Format a p-value with three decimals, or as "< 0.001"."""
    if math.isnan(p):
        return ""
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def format_rows(comparison: Comparison) -> list[list[str]]:
    """Format the table's cells; the first row is the heading."""
    heads = [
        "benchmark",
        "metric",
        "model",
        "score, % (95 %)",
        "difference, points (95 %)",
        "p",
        "p (Holm)",
        "lost/gained",
    ]
    rows = [heads]
    for row in build_frame(comparison).to_dict("records"):
        flips = "" if math.isnan(row["lost"]) else f"{row['lost']:.0f}/{row['gained']:.0f}"
        model = row["model"] if row["source"] == "measured" else f"{row['model']}{PUBLISHED}"
        rows.append(
            [
                f"{row['benchmark']}{' (mixed)' if comparison.mixed else ''}",
                row["metric"],
                model,
                format_interval(row["score"], row["low"], row["high"]),
                format_interval(row["difference"], row["difference_low"], row["difference_high"], sign="+"),
                format_p_value(row["p"]),
                format_p_value(row["p_holm"]),
                flips,
            ]
        )
    return rows


def _to_json_value(key: str, value: Any) -> Any:
    if isinstance(value, float) and math.isnan(value):
        return None
    # pandas turns a column of counts with a gap into floats
    return int(value) if key in ("problems", "lost", "gained") else value
