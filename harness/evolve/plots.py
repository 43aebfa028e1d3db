"""The page's plots, as SVG text: drawn with matplotlib, the same figures giving the same bytes."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib import rc_context
from matplotlib.figure import Figure

COLOURS = ("#3366aa", "#dd8833", "#559944", "#bb4455", "#8866aa", "#777777", "#44aabb", "#aa9933")
STYLE: Any = {"svg.hashsalt": "evolve", "svg.fonttype": "none", "font.size": 9}


def plot_reasons(attempts: Sequence[Mapping[str, Any]]) -> str:
    """Plot the outcomes of each operator's attempts as a bar of shares."""
    by_operator: dict[str, dict[str, int]] = {}
    for one in attempts:
        counts = by_operator.setdefault(one["operator"], {"kept": 0})
        counts["kept"] += one["kept"]
        for reason, count in one["rejected"].items():
            counts[reason] = counts.get(reason, 0) + count
    names = list(by_operator)
    parts = list(dict.fromkeys(part for counts in by_operator.values() for part in counts))
    figure = Figure(figsize=(7, 0.6 + 0.4 * len(names)))
    axes = figure.subplots()
    left = [0.0] * len(names)
    for number, part in enumerate(parts):
        shares = [100 * by_operator[name].get(part, 0) / max(1, sum(by_operator[name].values())) for name in names]
        axes.barh(names, shares, left=left, label=part, color=COLOURS[number % len(COLOURS)])
        left = [first + share for first, share in zip(left, shares, strict=True)]
    axes.set_xlabel("% of attempts")
    axes.invert_yaxis()
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False)
    return _render_svg(figure, "what became of each operator's attempts")


def plot_curves(rounds: Mapping[str, Mapping[str, Any]]) -> str:
    """Plot length, difficulty and diversity by round; round 0 is the seeds."""
    numbers = [int(number) for number in rounds]
    panels: list[tuple[str, list[tuple[str, list[float]]]]] = [
        ("words, mean", [(name, _list_means(rounds, f"{name}_words")) for name in ("instruction", "answer")]),
        ("answer's code, mean", [(name, _list_means(rounds, name)) for name in ("branches", "nesting")]),
        (
            "distinct n-grams",
            [(f"{n}-grams", [float(one[f"distinct_{n}"]) for one in rounds.values()]) for n in (1, 2, 3)],
        ),
    ]
    figure = Figure(figsize=(9, 2.8))
    for axes, (title, lines) in zip(figure.subplots(1, len(panels)), panels, strict=True):
        for number, (name, values) in enumerate(lines):
            axes.plot(numbers, values, marker="o", label=name, color=COLOURS[number])
        axes.set_title(title)
        axes.set_xlabel("round")
        axes.set_xticks(numbers)
        axes.set_ylim(bottom=0)
        axes.legend(frameon=False)
    return _render_svg(figure, "length, difficulty and diversity by round")


def plot_trials(stop: Mapping[str, Any]) -> str:
    """Plot Evol Stop's score on the development set by round, with intervals; the kept round is highlighted."""
    tried = stop["rounds"]
    figure = Figure(figsize=(5.4, 2.6))
    axes = figure.subplots()
    numbers = [one["round"] for one in tried]
    values = [100 * one["value"] for one in tried]
    low = [value if one["low"] is None else 100 * one["low"] for one, value in zip(tried, values, strict=True)]
    high = [value if one["high"] is None else 100 * one["high"] for one, value in zip(tried, values, strict=True)]
    axes.fill_between(numbers, low, high, color=COLOURS[0], alpha=0.18, label="95 % interval")
    axes.plot(numbers, values, color=COLOURS[0], marker="o")
    kept = numbers.index(stop["best_round"])
    axes.plot(numbers[kept], values[kept], color=COLOURS[1], marker="o", ms=9, ls="", label="kept")
    axes.set_xticks(numbers)
    axes.set_xlabel("rounds trained on")
    axes.set_ylabel(f"{stop['on']} {tried[0]['metric']}, %")
    axes.set_ylim(bottom=0)
    axes.legend(frameon=False)
    return _render_svg(figure, "score on the development set by round")


def _list_means(rounds: Mapping[str, Mapping[str, Any]], name: str) -> list[float]:
    return [float(one[name]["mean"]) for one in rounds.values()]


def _render_svg(figure: Figure, title: str) -> str:
    figure.set_layout_engine("tight")
    text = io.StringIO()
    with rc_context(STYLE):
        figure.savefig(text, format="svg", metadata={"Date": None, "Title": title}, transparent=True)
    # The declaration and the document type have no place inside a page.
    return re.sub(r"\A.*?(?=<svg)", "", text.getvalue(), flags=re.DOTALL)
