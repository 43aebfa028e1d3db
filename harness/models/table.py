"""The table of known checkpoints: recipe, architecture, published scores (checkpoints.toml, beside this file).

A checkpoint of ours says its recipe itself, in `harness.json` beside its config.json; that wins over the table.
Not promised: that a folder of a known name holds the weights of that name.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

OWN_MANIFEST = "harness.json"
SERVED = re.compile(r"@https?://.*$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """A score that others published; never measured here."""

    benchmark: str
    percent: float
    source: str
    metric: str = "pass@1"
    how: str = ""
    """What the source says of the decoding or of the benchmark's format."""
    part: str = ""
    """A part of the benchmark, such as one library; empty for the whole."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """Entry of the table of known checkpoints."""

    name: str
    hub: str
    architecture: str
    """As config.json's `architectures` names it."""
    recipe: str
    base: str | None = None
    """What it was fine-tuned from; None for a base model."""
    note: str = ""
    aliases: tuple[str, ...] = ()
    published: tuple[Published, ...] = ()


@cache
def known() -> Mapping[str, Known]:
    """All checkpoints of the table, by name."""
    table = _table()
    return {
        name: Known(
            name=name,
            hub=row["hub"],
            architecture=row["architecture"],
            recipe=row["recipe"],
            base=row.get("base"),
            note=table["notes"][row["note"]] if "note" in row else "",
            aliases=tuple(row.get("aliases", ())),
            published=_published(row, table["sources"]),
        )
        for name, row in table["checkpoints"].items()
    }


@cache
def others() -> Mapping[str, tuple[Published, ...]]:
    """Published scores of models that cannot be loaded, by name."""
    table = _table()
    return {name: _published(row, table["sources"]) for name, row in table["others"].items()}


def find_known(spec: str) -> Known | None:
    """The table's entry for a hub name, a folder or a served model's name, told by its last part."""
    last = _last_part(spec)
    for entry in known().values():
        if last in (entry.name.lower(), _last_part(entry.hub), *entry.aliases):
            return entry
    return None


def own_recipe(folder: Path) -> str | None:
    """The recipe that a checkpoint's own manifest names; None where it has none."""
    try:
        manifest = json.loads((folder / OWN_MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    recipe = manifest.get("recipe") if isinstance(manifest, dict) else None
    name = recipe.get("name") if isinstance(recipe, dict) else recipe
    return name if isinstance(name, str) else None


def about(entry: Known) -> str:
    """A line for people: recipe, architecture, base, and what was published, by whom."""
    parts = [f"recipe {entry.recipe}", entry.architecture]
    if entry.base:
        parts.append(f"from {entry.base}")
    whole = [score for score in entry.published if not score.part]
    if whole:
        sources = "; ".join(dict.fromkeys(score.source for score in whole))
        parts.append(f"published: {', '.join(map(_told, whole))} ({sources})")
    return ", ".join(parts)


def _told(score: Published) -> str:
    metric = "" if score.metric == "pass@1" else f" {score.metric}"
    how = f" {score.how}" if score.how else ""
    return f"{score.benchmark}{metric} {score.percent:.1f}{how}"


def _last_part(spec: str) -> str:
    name = SERVED.sub("", spec).rstrip("/").rpartition("/")[2]
    return name.partition("@")[0].rpartition(":")[2].lower()


def _published(row: Mapping[str, Any], sources: Mapping[str, str]) -> tuple[Published, ...]:
    return tuple(Published(**{**score, "source": sources[score["source"]]}) for score in row.get("published", ()))


@cache
def _table() -> dict[str, Any]:
    return tomllib.loads((files(__package__) / "checkpoints.toml").read_text(encoding="utf-8"))
