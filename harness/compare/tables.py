"""A comparison as a pandas table, as Markdown that also reads well on a terminal, and as JSON."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..report.tables import format_table
from ..store.cleaning import escape_markdown
from ..types import Score
from .comparison import Comparison, Difference
from .runs import Run

if TYPE_CHECKING:
    import pandas as pd

Row = dict[str, Any]
SHOWN_TASKS = 40
"""Task ids that a list shows on a terminal and in Markdown; JSON has all."""


def build_frame(comparison: Comparison) -> pd.DataFrame:
    """A row per benchmark, metric and model, published ones last; figures in per cent and points."""
    import pandas as pd

    rows: list[Row] = []
    shown: set[tuple[str, str, int, float]] = set()
    first = comparison.runs[0].name
    for found in comparison.differences:
        common = {"benchmark": found.benchmark, "metric": found.metric}
        own = (found.benchmark, found.metric, found.baseline.n_problems, found.baseline.value)
        if own not in shown:
            shown.add(own)
            rows.append({**common, "model": first, "source": "measured", **_build_score_columns(found.baseline)})
        rows.append(
            {
                **common,
                "model": found.run,
                "source": "measured",
                **_build_score_columns(found.candidate),
                **_build_change_columns(found),
            }
        )
    for known in comparison.published:
        rows.append(
            {
                "benchmark": known.benchmark,
                "metric": known.metric,
                "model": f"{known.model} ({known.how})" if known.how else known.model,
                "source": "published",
                "score": known.percent,
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


def _build_change_columns(found: Difference) -> Row:
    low, high = found.interval or (math.nan, math.nan)
    return {
        "difference": 100 * found.value,
        "difference_low": 100 * low,
        "difference_high": 100 * high,
        "p": found.p_value,
        "p_holm": found.p_corrected,
        "lost": len(found.lost),
        "gained": len(found.gained),
    }


def format_markdown(comparison: Comparison) -> str:
    """The whole comparison, for a pull request or a terminal."""
    first = comparison.runs[0].name
    mark = " (mixed: not comparable)" if comparison.mixed else ""
    lines = [f"# Comparison with {escape_markdown(first)}{mark}", ""]
    lines += [f"- **not comparable**: {escape_markdown(reason)}" for reason in comparison.mixed]
    lines += [f"- {told}" for told in comparison.caveats]
    lines += [*([""] if comparison.mixed or comparison.caveats else []), *_format_table(comparison), ""]
    lines += [f"- {method}" for method in comparison.tests]
    for found in comparison.differences:
        if found.metric.endswith("pass@1"):
            lines += ["", f"## {escape_markdown(found.run)}, {found.benchmark} {found.metric}", ""]
            lines += [f"- lost ({len(found.lost)}): {format_task_ids(found.lost)}"]
            lines += [f"- gained ({len(found.gained)}): {format_task_ids(found.gained)}"]
    # Of two runs these are the lost and the gained ones.
    for benchmark, by_run in comparison.only_by.items() if len(comparison.runs) > 2 else ():
        lines += ["", f"## Solved by one alone, {benchmark}", ""]
        lines += [f"- {escape_markdown(run)} ({len(tasks)}): {format_task_ids(tasks)}" for run, tasks in by_run.items()]
    return "\n".join(lines) + "\n"


def serialize_comparison(comparison: Comparison) -> dict[str, Any]:
    """The whole comparison, for machines; what is not known is null."""
    table = build_frame(comparison)
    rows = [
        {str(key): _to_json_value(str(key), value) for key, value in row.items()} for row in table.to_dict("records")
    ]
    return {
        "runs": [{"name": run.name, "path": str(run.path), "digest": _read_digest(run)} for run in comparison.runs],
        "mixed": list(comparison.mixed),
        "caveats": list(comparison.caveats),
        "methods": comparison.tests,
        "rows": rows,
        "flips": [
            {
                "run": found.run,
                "benchmark": found.benchmark,
                "metric": found.metric,
                "lost": list(found.lost),
                "gained": list(found.gained),
            }
            for found in comparison.differences
            if found.metric.endswith("pass@1")
        ],
        "solved_only_by": {
            name: {run: list(tasks) for run, tasks in by.items()} for name, by in comparison.only_by.items()
        },
    }


def format_task_ids(tasks: Sequence[str], most: int = SHOWN_TASKS) -> str:
    """Task ids in a row, "none", or the first of many."""
    more = f" and {len(tasks) - most} more" if len(tasks) > most else ""
    return ", ".join(map(escape_markdown, tasks[:most])) + more if tasks else "none"


def format_points(value: float, interval: tuple[float, float] | None) -> str:
    """ "-4.3 (-7.9 to -0.6)" from fractions of 1."""
    low, high = interval or (math.nan, math.nan)
    return format_interval(100 * value, 100 * low, 100 * high, sign="+")


def format_interval(value: float, low: float, high: float, sign: str = "") -> str:
    """A figure with its interval, where it has one; nothing where it is NaN."""
    if math.isnan(value):
        return ""
    text = f"{value:{sign}.1f}"
    return text if math.isnan(low) else f"{text} ({low:{sign}.1f} to {high:{sign}.1f})"


def format_p_value(p: float) -> str:
    """A p-value in words of two digits."""
    if math.isnan(p):
        return ""
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def _format_table(comparison: Comparison) -> list[str]:
    heads, *rows = format_rows(comparison)
    return format_table(heads, rows, aligned=True)


def format_rows(comparison: Comparison) -> list[list[str]]:
    """The table as people see it; the first row is the heading."""
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
        model = row["model"] if row["source"] == "measured" else f"{row['model']}, published"
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
    # pandas makes a column of counts with a gap one of floats
    return int(value) if key in ("problems", "lost", "gained") else value


def _read_digest(run: Run) -> str:
    return str(run.summary.manifest["digest"])
