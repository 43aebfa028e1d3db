"""Draw plots with matplotlib, as SVG in the colours of the page and as PNG.

Each function returns a figure. Text and lines have two fixed colours, which `render_svg` replaces with the page's.
"""

from __future__ import annotations

import io
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import quoteattr

from ..metrics.pass_at_k import Interval
from ..store import make_folder
from ..store.journal import make_write_error
from ..types import Score
from .wording import replace_unprintable

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, LINE = "#1b2430", "#d7dde5"
PAGE_COLOURS = {INK: "currentColor", LINE: "var(--line)"}
COLOURS = {
    "passed": "#2a9d6f",
    "wrong_answer": "#d1495b",
    "runtime_error": "#e08d3c",
    "syntax_error": "#8d6cab",
    "timeout": "#3f7cac",
    "memory": "#7a8c8a",
    "output": "#b59f3b",
    "tampered": "#c2185b",
    "infrastructure": "#909090",
    "unjudged": "#b8b8b8",
}
"""By status; the page's own marks use the same."""
SERIES = ("#3f7cac", "#e08d3c", "#2a9d6f", "#d1495b", "#8d6cab", "#b59f3b", "#7a8c8a")
PLOTS = "plots"
"""Folder of the pictures."""
NOT_IN_FILE_NAMES = re.compile(r"[^\w.@=-]+")
NAME_LENGTH = 100
WIDTH = 5.4
"""Inches; text of 8 to 9 points is then readable on a phone too."""


def draw_pass_at_k(scores: Mapping[str, Sequence[Score]]) -> Figure:
    """Draw pass@k over k with its bands; `scores` are by the name of the line."""
    figure, axes = _create_canvas(3.0)
    for (name, line), colour in zip(scores.items(), _cycle_colours(len(scores)), strict=True):
        ks = [score.k for score in line]
        axes.plot(ks, [100 * score.value for score in line], marker="o", ms=4, color=colour, label=_escape_name(name))
        bands = [score.interval or (score.value, score.value) for score in line]
        axes.fill_between(
            ks, [100 * low for low, _ in bands], [100 * high for _, high in bands], color=colour, alpha=0.18
        )
    axes.set_xscale("log")
    ticks = sorted({score.k for line in scores.values() for score in line})
    axes.set_xticks(ticks, [str(k) for k in ticks])
    axes.minorticks_off()
    axes.set_xlabel("k")
    axes.set_ylabel("pass@k, %")
    axes.set_ylim(0, 100)
    _add_legend(axes, len(scores))
    return figure


def draw_outcomes(statuses: Mapping[str, Mapping[str, int]]) -> Figure:
    """Draw a bar for each benchmark, divided by status."""
    figure, axes = _create_canvas(0.9 + 0.55 * len(statuses))
    seen: set[str] = set()
    for at, found in enumerate(statuses.values()):
        left, total = 0.0, max(1, sum(found.values()))
        for status, count in found.items():
            share = 100 * count / total
            label = None if status in seen else status.replace("_", " ")
            axes.barh(at, share, left=left, color=COLOURS[status], label=label, height=0.6)
            if share >= 6:
                axes.text(left + share / 2, at, str(count), ha="center", va="center", color="#ffffff", fontsize=9)
            left += share
            seen.add(status)
    axes.set_yticks(range(len(statuses)), _escape_names(statuses))
    axes.invert_yaxis()
    axes.set_xlim(0, 100)
    axes.set_xlabel("% of samples")
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3, frameon=False, fontsize=8, labelcolor=INK)
    return figure


def draw_difficulty(shares: Mapping[str, Sequence[float]]) -> Figure:
    """Draw the number of problems by the share of samples that pass; `shares` are by benchmark."""
    figure, axes = _create_canvas(2.6)
    edges = [at / 10 for at in range(11)]
    colours = list(_cycle_colours(len(shares)))
    axes.hist(list(shares.values()), bins=edges, label=_escape_names(shares), color=colours, rwidth=0.85)
    axes.set_xticks(edges[::2], [f"{100 * edge:.0f}" for edge in edges[::2]])
    axes.set_xlabel("% of a problem's samples that pass")
    axes.set_ylabel("problems")
    _add_legend(axes, len(shares))
    return figure


def draw_lengths(by_reason: Mapping[str, Sequence[int]], unit: str) -> Figure:
    """Draw the lengths of completions by finish reason."""
    figure, axes = _create_canvas(2.6)
    labels = [_escape_name(f"{reason} ({len(found)})") for reason, found in by_reason.items()]
    axes.hist(list(by_reason.values()), bins=30, stacked=True, label=labels, color=list(_cycle_colours(len(by_reason))))
    axes.set_xlabel(f"{unit} per completion")
    axes.set_ylabel("samples")
    axes.legend(frameon=False, fontsize=8, labelcolor=INK)
    return figure


def draw_bars(rows: Sequence[tuple[str, float, Interval | None]], label: str = "pass@1, % (95 % interval)") -> Figure:
    """Draw named shares of 1 with their intervals: models side by side, or groups of a benchmark."""
    figure, axes = _create_canvas(0.8 + 0.34 * len(rows))
    for at, (_, value, interval) in enumerate(rows):
        axes.barh(at, 100 * value, color=SERIES[0], height=0.62)
        if interval is not None:
            low, high = (100 * end for end in interval)
            axes.plot([low, high], [at, at], color=INK, lw=1.2)
            axes.plot([low, high], [at, at], "|", color=INK, ms=6)
        end = 100 * (interval[1] if interval else value)
        axes.text(end + 1.2, at, f"{100 * value:.1f}", va="center", color=INK, fontsize=9)
    axes.set_yticks(range(len(rows)), _escape_names(name for name, _, _ in rows))
    axes.invert_yaxis()
    axes.set_xlim(0, 108)
    axes.set_xticks(range(0, 101, 20))
    axes.set_xlabel(label)
    return figure


def draw_costs(rows: Sequence[tuple[str, float, float, Interval | None]], label: str = "pass@1, %") -> Figure:
    """Draw named shares of 1 with their intervals over what their runs cost, in currency units."""
    figure, axes = _create_canvas(3.2)
    for (name, cost, value, interval), colour in zip(rows, _cycle_colours(len(rows)), strict=True):
        if interval is not None:
            axes.plot([cost, cost], [100 * end for end in interval], marker="_", ms=8, lw=1.2, color=colour, alpha=0.6)
        axes.plot([cost], [100 * value], marker="o", ls="", color=colour, label=_escape_name(name))
    axes.set_xlim(left=0)
    axes.set_ylim(0, 100)
    axes.set_xlabel("cost of the run, in the currency of --price")
    axes.set_ylabel(label)
    axes.legend(frameon=False, fontsize=8, labelcolor=INK)
    return figure


def draw_checkpoints(steps: Sequence[tuple[str, float, Interval | None]]) -> Figure:
    """Draw pass@1 of the checkpoints of one fine-tune in order."""
    figure, axes = _create_canvas(2.8)
    at = range(len(steps))
    axes.plot(at, [100 * value for _, value, _ in steps], marker="o", color=SERIES[0])
    bands = [interval or (value, value) for _, value, interval in steps]
    axes.fill_between(
        at, [100 * low for low, _ in bands], [100 * high for _, high in bands], color=SERIES[0], alpha=0.18
    )
    axes.set_xticks(at, _escape_names(name for name, _, _ in steps), rotation=20, ha="right")
    axes.set_ylabel("pass@1, %")
    return figure


def draw_losses(curves: Mapping[str, Sequence[Sequence[float]]], what: str = "loss per answer token, nats") -> Figure:
    """Draw losses, or `what` else, over optimiser steps: "train" and "held_out", each [step, value] pairs."""
    figure, axes = _create_canvas(3.0)
    for name, label, colour in (("train", "training", SERIES[0]), ("held_out", "held out", SERIES[1])):
        if curve := curves.get(name):
            marker = "o" if name == "held_out" or len(curve) == 1 else None
            axes.plot(
                [at for at, _ in curve], [value for _, value in curve], color=colour, marker=marker, ms=4, label=label
            )
    axes.set_xlabel("optimiser step")
    axes.set_ylabel(what)
    _add_legend(axes, sum(map(bool, curves.values())))
    return figure


def draw_rounds(rows: Sequence[tuple[int, float, Interval | None]], what: str, kept: int | None = None) -> Figure:
    """Draw a value for each number of evolved rounds, with its interval if known; mark the one that was kept."""
    figure, axes = _create_canvas(2.8)
    rounds = [last for last, _, _ in rows]
    axes.plot(rounds, [value for _, value, _ in rows], marker="o", color=SERIES[0])
    for last, value, interval in rows:
        if interval is not None:
            axes.plot([last, last], interval, marker="_", ms=8, lw=1.2, color=SERIES[0], alpha=0.6)
        if last == kept:
            axes.plot([last], [value], marker="o", ms=9, ls="", color=SERIES[1], label="kept")
            axes.legend(frameon=False, fontsize=8, labelcolor=INK)
    axes.set_xticks(rounds, ["0" if last == 0 else f"0 to {last}" for last in rounds])
    axes.set_xlabel("rounds trained on")
    axes.set_ylabel(what)
    return figure


def draw_solved(solved: Mapping[str, Sequence[float]]) -> Figure:
    """Draw a row per run and a column per problem, hardest last; `solved` holds shares of samples that pass."""
    from matplotlib.colors import LinearSegmentedColormap

    figure, axes = _create_canvas(0.9 + 0.4 * len(solved))
    names, columns = list(solved), list(zip(*solved.values(), strict=True))
    columns.sort(key=lambda column: (-sum(column), [-share for share in column]))
    shades = LinearSegmentedColormap.from_list("solved", [COLOURS["wrong_answer"], COLOURS["passed"]])
    axes.pcolormesh(
        [[column[at] for column in columns] for at in range(len(names))], cmap=shades, vmin=0, vmax=1, rasterized=True
    )
    axes.set_yticks([at + 0.5 for at in range(len(names))], _escape_names(names))
    axes.invert_yaxis()
    axes.grid(visible=False)
    axes.set_xlabel("problems, solved by most to solved by none")
    return figure


def render_svg(figure: Figure, caption: str = "Plot") -> str:
    """Render `figure` as an SVG element in the page's colours, named `caption`, without ids that another figure has."""
    import matplotlib as mpl

    out = io.StringIO()
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "harness", "path.simplify": True}):
        figure.savefig(out, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    text = out.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    for drawn, wanted in PAGE_COLOURS.items():
        text = text.replace(drawn, wanted)
    return re.sub(
        r'width="[\d.]+pt" height="[\d.]+pt"', lambda _: f'role="img" aria-label={quoteattr(caption)}', text, count=1
    )


def write_png(figure: Figure, path: Path) -> None:
    """Write `figure` as a PNG on white."""
    figure.savefig(path, dpi=150, facecolor="white")


def write_pictures(figures: Iterable[tuple[str, Figure]], folder: Path) -> None:
    """Write named figures into `folder` as PNG, and as SVG and PDF that look the same without this machine's fonts.

    Raises:
        StoreError: they cannot be written.
    """
    import matplotlib as mpl

    make_folder(folder)
    for name, figure in figures:
        path = folder / f"{NOT_IN_FILE_NAMES.sub('-', name).strip('-')[:NAME_LENGTH]}.png"
        try:
            write_png(figure, path)
            with mpl.rc_context({"svg.fonttype": "path", "svg.hashsalt": "harness", "pdf.fonttype": 42}):
                figure.savefig(path.with_suffix(".svg"), transparent=True, metadata={"Date": None})
                figure.savefig(path.with_suffix(".pdf"), transparent=True, metadata={"CreationDate": None})
        except OSError as error:
            raise make_write_error(path, error) from error


def _create_canvas(height: float) -> tuple[Figure, Axes]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    axes = figure.subplots()
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(LINE)
    axes.tick_params(colors=INK, labelsize=9, length=0)
    axes.xaxis.label.set_color(INK)
    axes.yaxis.label.set_color(INK)
    axes.grid(color=LINE, lw=0.6)
    axes.set_axisbelow(True)
    return figure, axes


def _escape_names(names: Iterable[str]) -> list[str]:
    return [_escape_name(name) for name in names]


def _escape_name(name: str) -> str:
    """Escape dollar signs, between which matplotlib reads a formula, and replace what an SVG cannot hold."""
    return replace_unprintable(name).replace("$", r"\$")


def _add_legend(axes: Any, count: int) -> None:
    if count > 1:
        axes.legend(frameon=False, fontsize=8, labelcolor=INK)


def _cycle_colours(count: int) -> Sequence[str]:
    return (SERIES * math.ceil(max(1, count) / len(SERIES)))[:count]
