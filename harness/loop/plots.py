"""The loop's own plots, in the report's colours: losses over steps, and what rounds add."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ..metrics import Interval
from ..report.plots import INK, LINE, SERIES, WIDTH

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

HEIGHT = 2.8
Curve = Sequence[tuple[float, float]]


def losses(curves: Mapping[str, Curve]) -> Figure:
    """(step, loss) by the name of the line."""
    figure, axes = _canvas()
    for at, (name, line) in enumerate(curves.items()):
        few = len(line) < 30
        axes.plot(
            [step for step, _ in line],
            [loss for _, loss in line],
            color=SERIES[at % len(SERIES)],
            marker="o" if few else "",
            ms=4,
            label=name,
        )
    axes.set_xlabel("step")
    axes.set_ylabel("loss")
    axes.legend(frameon=False, fontsize=8, labelcolor=INK)
    return figure


def by_round(values: Sequence[tuple[int, float, Interval | None]], what: str, kept: int | None = None) -> Figure:
    """A figure for each number of rounds with its interval, where it has one; `kept` is marked."""
    figure, axes = _canvas()
    rounds = [last for last, _, _ in values]
    axes.plot(rounds, [value for _, value, _ in values], marker="o", color=SERIES[0])
    for last, value, interval in values:
        if interval is not None:
            low, high = interval
            axes.plot([last, last], [low, high], color=SERIES[0], lw=1.2, alpha=0.6)
            axes.plot([last, last], [low, high], "_", color=SERIES[0], ms=8, alpha=0.6)
        if last == kept:
            axes.plot([last], [value], marker="o", ms=9, color=SERIES[1], ls="", label="kept")
            axes.legend(frameon=False, fontsize=8, labelcolor=INK)
    axes.set_xticks(rounds, ["0" if last == 0 else f"0 to {last}" for last in rounds])
    axes.set_xlabel("rounds trained on")
    axes.set_ylabel(what)
    return figure


def _canvas() -> tuple[Figure, Axes]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH, HEIGHT), layout="constrained")
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
