"""loop.html: the gate, the scores, the losses and every stage with a link to its own page, in one file."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..compare import Gate
from ..compare.page import PAGE as COMPARE_PAGE
from ..compare.tables import MODEL, PUBLISHED, format_rows
from ..compare.verdict import HEADS, format_verdict
from ..evolve.folder import PAGE as EVOLVE_PAGE
from ..finetune.curves import PAGE as TRAINING_PAGE
from ..finetune.folder import ABOUT
from ..metrics.pass_at_k import Interval
from ..report import plots
from ..report.templates import mark_safe, render
from ..report.wording import format_percent
from ..store import PAGE as RUN_PAGE
from ..store import make_folder, write_text
from ..types import Score
from .ablation import Ablation, Point, format_rounds
from .config import LoopConfig
from .stages import SHORT, FinishedStage
from .workshop import get_adapter_folder, read_scores

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PAGE = "loop.html"
PLOTS = "plots"
CHECKPOINTS = {"base": "base", "tuned": "fine-tune", "preferred": "preferred", "reinforced": "reinforced"}
"""Names of checkpoints by the stage that evaluates them, the last one being what the gate looks at."""
PAGES = {"evolve": EVOLVE_PAGE, "gate": COMPARE_PAGE, **dict.fromkeys(("sample", *CHECKPOINTS), RUN_PAGE)}
"""Page by stage; other trainings and runs have the page that exists."""
METRIC = "pass@1"
Plot = tuple[str, str, "Figure"]
"""File name without suffix, caption, figure."""


def write_page(
    config: LoopConfig,
    done: Mapping[str, FinishedStage],
    all_done: Sequence[FinishedStage],
    gate: Gate,
    rounds: Ablation | None,
) -> Path:
    """Write the page of a loop that ended, and its plots as PNG beside it.

    Raises:
        StoreError: it cannot be written.
    """
    drawn = list(_draw_plots(done, rounds))
    heads, *rows = format_rows(gate.comparison)
    page = render(
        "loop.html",
        base=config.base,
        evolved=config.evolve is not None,
        config=config.path.name,
        verdict=HEADS.get(gate.exit_code, "not decided"),
        passed=gate.exit_code == 0,
        alarms=list(_collect_alarms(done, gate)),
        cards=[
            _build_card(CHECKPOINTS[name], score)
            for name in CHECKPOINTS
            if name in done and name != "base"
            for score in read_scores(done[name])
            if score.metric.endswith(METRIC)
        ],
        gate=[line for line in format_verdict(gate).splitlines()[1:] if line.strip()],
        heads=heads,
        rows=[row for row in rows if not row[MODEL].endswith(PUBLISHED)],
        plots=[
            {"caption": caption, "svg": mark_safe(plots.render_svg(figure, caption))} for _, caption, figure in drawn
        ],
        stop=_build_stop_table(done),
        rounds=_build_rounds_table(config, rounds),
        stages=[_build_stage(config, name, stage) for name, stage in done.items()],
        others=[_build_stage(config, stage.stage.name, stage) for stage in all_done if stage not in done.values()],
    )
    make_folder(config.out / PLOTS)
    for name, _, figure in drawn:
        plots.write_png(figure, config.out / PLOTS / f"{name}.png")
    write_text(config.out / PAGE, page)
    return config.out / PAGE


def _collect_alarms(done: Mapping[str, FinishedStage], gate: Gate) -> Iterator[str]:
    if (evolved := done.get("evolve")) and evolved.outcome["stopped"]:
        yield f"Evolving was stopped: {evolved.outcome['stopped']}."
    yield from gate.comparison.caveats


def _build_card(checkpoint: str, score: Score) -> dict[str, str]:
    value = "not computed" if math.isnan(score.value) else f"{100 * score.value:.1f} %"
    _, _, interval = format_percent(score).partition(" % ")
    return {"name": f"{checkpoint}, {score.benchmark} {score.metric}", "value": value, "about": interval or score.note}


def _draw_plots(done: Mapping[str, FinishedStage], rounds: Ablation | None) -> Iterator[Plot]:
    losses = done["finetune"].outcome["losses"]
    if any(losses.values()):
        yield "losses", "Loss of the fine-tune", plots.draw_losses(losses)
    for stage in ("prefer", "reinforce"):
        for name, curve in (done[stage].outcome["curves"] if stage in done else {}).items():
            if any(curve.values()):
                file = f"{stage}-{name.lower().replace(' ', '-')}"
                yield file, f"{name} of the stage {stage}", plots.draw_losses(curve, name)
    yield from _draw_score_bars(
        {name: read_scores(done[stage]) for stage, name in CHECKPOINTS.items() if stage in done}
    )
    evolved = done.get("evolve")
    if evolved and evolved.outcome["trials"]:
        trials = evolved.outcome["trials"]
        values = [(trial["round"], 100 * trial["value"], _to_percents(trial["low"], trial["high"])) for trial in trials]
        yield "evol-stop", "Evol Stop: development set", plots.draw_rounds(values, "pass@1, %", evolved.outcome["kept"])
    if rounds is not None:
        yield from _draw_ablation(rounds)


def _draw_score_bars(scores: Mapping[str, Sequence[Score]]) -> Iterator[Plot]:
    for of_all in zip(*scores.values(), strict=True):
        first = of_all[0]
        if first.metric.endswith(METRIC) and not math.isnan(first.value):
            rows = [(name, score.value, score.interval) for name, score in zip(scores, of_all, strict=True)]
            name = f"{first.benchmark} {first.metric}"
            yield name.replace(" ", "-").replace("@", "-at-"), name, plots.draw_bars(rows)


def _draw_ablation(rounds: Ablation) -> Iterator[Plot]:
    about = f"on {rounds.budget} answer tokens each"
    for at, score in enumerate(rounds.points[0].scores):
        if score.metric.endswith(METRIC):
            values = [
                (point.last, 100 * point.scores[at].value, _to_percents(*(point.scores[at].interval or (None, None))))
                for point in rounds.points
            ]
            name = f"{score.benchmark} {score.metric}"
            file = "rounds-" + name.replace(" ", "-").replace("@", "-at-")
            yield file, f"{name} by round, {about}", plots.draw_rounds(values, f"{score.metric}, %")
    losses = [(point.last, point.held_out_loss, None) for point in rounds.points if point.held_out_loss is not None]
    if losses:
        caption = f"Held-out loss by round, {about}"
        yield "rounds-held-out-loss", caption, plots.draw_rounds(losses, "held-out loss")


def _build_stop_table(done: Mapping[str, FinishedStage]) -> dict[str, Any] | None:
    evolved = done.get("evolve")
    if not evolved or not evolved.outcome["trials"]:
        return None
    trials = [
        {
            "rounds": format_rounds(trial["round"]),
            "rows": trial["rows"],
            "score": _format_figure(trial["value"], trial["low"], trial["high"]),
            "loss": _format_loss(trial["held_out_loss"]),
            "kept": trial["round"] == evolved.outcome["kept"],
        }
        for trial in evolved.outcome["trials"]
    ]
    stop = evolved.stage.key["stop"]
    return {"trials": trials, "on": stop["on"], "same_rows": stop["finetune"]["held_out"] is not None}


def _build_rounds_table(config: LoopConfig, rounds: Ablation | None) -> dict[str, Any] | None:
    if rounds is None:
        return None
    heads = [f"{score.benchmark} {score.metric}, % (95 %)" for score in rounds.points[0].scores]
    return {
        "budget": rounds.budget,
        "held_out_rows": rounds.held_out_rows,
        "heads": heads,
        "points": [_build_point(config, point) for point in rounds.points],
    }


def _build_point(config: LoopConfig, point: Point) -> dict[str, Any]:
    return {
        "rounds": point.label,
        "rows": point.rows,
        "trained_rows": point.trained_rows,
        "trained_tokens": point.trained_tokens,
        "loss": _format_loss(point.held_out_loss),
        "scores": [_format_figure(score.value, *(score.interval or (None, None))) for score in point.scores],
        "link": _find_link(config.out, point.run, [RUN_PAGE]),
    }


def _build_stage(config: LoopConfig, name: str, stage: FinishedStage) -> dict[str, Any]:
    candidates = [PAGES[name]] if name in PAGES else [RUN_PAGE, f"{ABOUT}/{TRAINING_PAGE}"]
    return {
        "name": name,
        "label": stage.stage.label,
        "made": stage.digest.removeprefix("sha256:")[:SHORT],
        "seconds": f"{stage.seconds:.1f}",
        "when": "earlier" if stage.skipped else "in this start",
        "link": _find_link(config.out, stage.folder, candidates)
        or _find_link(config.out, get_adapter_folder(stage.folder), candidates),
    }


def _find_link(out: Path, folder: Path, candidates: Sequence[str]) -> str | None:
    """Return the path of a stage's page, relative to this one; None if it has none."""
    page = next((folder / name for name in candidates if (folder / name).exists()), None)
    return page.relative_to(out).as_posix() if page else None


def _to_percents(low: float | None, high: float | None) -> Interval | None:
    return None if low is None or high is None else (100 * low, 100 * high)


def _format_figure(value: float, low: float | None, high: float | None) -> str:
    interval = "" if low is None or high is None else f" ({100 * low:.1f} to {100 * high:.1f})"
    return f"{100 * value:.1f}{interval}"


def _format_loss(value: float | None) -> str:
    return "not measured" if value is None else f"{value:.4f}"
