"""report.html: statistics, plots and lineages of one evolution, in one file that needs no network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any

from .dataset_filter import FilterResult, count_removed
from .records import InstructionRow, Rejection
from .rounds import EvolvedData

TEMPLATE = "page.html.j2"
LINEAGES = 200
"""Seeds whose descendants are shown; the data set has all of them."""


def render_page(
    manifest: Mapping[str, Any],
    figures: Mapping[str, Any],
    found: EvolvedData,
    rows: Sequence[InstructionRow],
    filtered: FilterResult,
) -> str:
    """Render the page's HTML."""
    from jinja2 import Environment, StrictUndefined

    from . import plots

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string(files("harness.evolve").joinpath(TEMPLATE).read_text(encoding="utf-8"))
    attempts = figures["attempts"]
    stop = manifest.get("evol_stop") if (manifest.get("evol_stop") or {}).get("rounds") else None
    return template.render(
        manifest=manifest,
        figures=figures,
        rows=len(rows),
        removed=count_removed(filtered.removed),
        contamination=filtered.contamination,
        reason_names=list(figures["reasons"]),
        reasons_plot=plots.plot_reasons(attempts) if attempts else "",
        curves_plot=plots.plot_curves(figures["rounds"]) if figures["rounds"] else "",
        stop=stop,
        stop_plot=plots.plot_trials(stop) if stop else "",
        lineages=collect_lineages(found, {row.id for row in rows}, stop["best_round"] if stop else None),
        most=LINEAGES,
    )


def collect_lineages(found: EvolvedData, kept: set[str], last: int | None = None) -> list[dict[str, Any]]:
    """Return each seed's rows and failed attempts, by round; `last` is the last round that was kept."""
    steps: dict[str, list[InstructionRow | Rejection]] = {}
    for row in found.rows:
        if row.round == 0 and len(steps) < LINEAGES:
            steps[row.id] = [row]
    everything: list[InstructionRow | Rejection] = [*found.rows, *found.rejections]
    for one in everything:
        if one.round > 0 and one.seed_id in steps:
            steps[one.seed_id].append(one)
    return [
        {"seed": seed_id, "steps": [_build_step(one, kept, last) for one in sorted(lineage, key=lambda one: one.round)]}
        for seed_id, lineage in steps.items()
    ]


def _build_step(one: InstructionRow | Rejection, kept: set[str], last: int | None) -> dict[str, Any]:
    if isinstance(one, Rejection):
        what, text, answer = f"thrown away: {one.reason}", one.text, one.answer
    else:
        left_out = last is not None and one.round > last
        others = "left out by Evol Stop" if left_out else "sifted out in the end, or not sampled"
        what = "kept" if one.id in kept else others
        text, answer = one.whole, one.output
    return {"round": one.round, "operator": one.operator, "what": what, "text": text, "answer": answer}
