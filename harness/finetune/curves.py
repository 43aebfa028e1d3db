"""Write the curves of a training as PNG and as a page that needs no network, beside the checkpoint."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..report import plots
from ..report.templates import mark_safe, render
from ..store import make_folder, write_text
from .folder import ABOUT

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PAGE = "report.html"
PARTS = (("train", "training"), ("held_out", "held-out"))
Curve = Mapping[str, Sequence[Sequence[float]]]
"""[step, value] pairs of "train" and "held_out"."""


def write_curves(folder: Path, manifest: Mapping[str, Any]) -> Path:
    """Write `training/loss.png`, other curves, and `training/report.html` of the checkpoint in `folder`.

    Returns the page.

    Raises:
        StoreError: a file cannot be written.
    """
    about = folder / ABOUT
    make_folder(about)
    for name, curve in list_curves(manifest).items():
        plots.write_png(_draw(name, curve, manifest), about / f"{name.lower().replace(' ', '-')}.png")
    write_text(about / PAGE, render_page(manifest))
    return about / PAGE


def list_curves(manifest: Mapping[str, Any]) -> dict[str, Curve]:
    """Return the curves that have points, by name: the loss, and what else the method measures."""
    curves: dict[str, Curve] = {"loss": manifest["losses"], **manifest.get("curves", {})}
    return {name: curve for name, curve in curves.items() if any(curve.values())}


def render_page(manifest: Mapping[str, Any]) -> str:
    """Render the page as HTML."""
    losses, data = manifest["losses"], manifest["data"]
    about = f"{data['trained_rows']} rows, {data['trained_answer_tokens']} answer tokens, {manifest['seconds']:.0f} s"
    return render(
        "training.html",
        subject=f"{manifest['base']['name']}, fine-tuned",
        lines=[about],
        alarms=_collect_alarms(data, manifest.get("contamination")),
        cards=[
            _build_card(f"{part} {name}", curve[key])
            for name, curve in list_curves(manifest).items()
            for key, part in PARTS
            if curve[key]
        ],
        plots=[
            {"caption": caption, "svg": mark_safe(plots.render_svg(_draw(name, curve, manifest), caption))}
            for name, curve in list_curves(manifest).items()
            for caption in (f"{name[0].upper()}{name[1:]} over steps",)
        ],
        rows=_build_table(losses),
        facts=_collect_facts(manifest),
    )


def _draw(name: str, curve: Curve, manifest: Mapping[str, Any]) -> Figure:
    per_token = name == "loss" and "method" not in manifest["settings"]
    return plots.draw_losses(curve) if per_token else plots.draw_losses(curve, name)


def _build_card(name: str, curve: Sequence[Sequence[float]]) -> dict[str, str]:
    return {"name": name, "value": f"{curve[-1][1]:.3f}", "about": f"from {curve[0][1]:.3f} at step {int(curve[0][0])}"}


def _collect_alarms(data: Mapping[str, Any], contamination: Mapping[str, Any] | None) -> list[str]:
    alarms = []
    if data["too_long"]:
        kept = data["too_long"] - data["left_out"]
        alarms.append(
            f"{data['too_long']} rows were longer than the limit: {data['left_out']} left out, "
            f"{kept} kept without an end."
        )
    if data["held_out_in_training"]:
        alarms.append(f"{data['held_out_in_training']} held-out rows were trained on as well; their loss says little.")
    if not contamination:
        alarms.append("The data was not compared with any benchmark (`harness decontaminate` does that).")
    return alarms


def _build_table(losses: Mapping[str, Sequence[Sequence[float]]]) -> list[list[str]]:
    """Return a row per step with a held-out loss, and the training loss of the same step."""
    train, held_out = ({pair[0]: pair[1] for pair in losses[name]} for name in ("train", "held_out"))
    steps = sorted(held_out) or sorted({min(train), max(train)} if train else ())
    return [
        [str(int(step)), *(f"{curve[step]:.4f}" if step in curve else "" for curve in (train, held_out))]
        for step in steps
    ]


def _collect_facts(manifest: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return how the checkpoint was trained, as names and values."""
    base, data, recipe = manifest["base"], manifest["data"], manifest["recipe"]
    rows = [
        ("base", f"{base['name']} {base['weights_digest']}"),
        ("data", f"{data['source']} {data['digest']}"),
        ("rows", f"{data['rows']}, {data['held_out_rows']} held out"),
        ("recipe", f"{recipe['name']} {recipe['digest']}"),
        ("computed in", manifest["dtype"]),
    ]
    rows += [(key, str(value)) for key, value in manifest["settings"].items() if key not in ("base", "recipe", "dtype")]
    rows.append(("versions", ", ".join(f"{name} {version}" for name, version in manifest["versions"].items())))
    return rows
