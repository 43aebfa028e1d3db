"""The table of known checkpoints: recipe, architecture, published scores (checkpoints.toml, beside this file).

A checkpoint that was trained here names its recipe in `harness.json` beside its config.json, which takes precedence.
A folder of a known name may hold other weights than those of that name.
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
class PublishedScore:
    """A score published by others; never measured here."""

    benchmark: str
    percent: float
    source: str
    metric: str = "pass@1"
    how: str = ""
    """Decoding or benchmark format, as the source states it."""
    part: str = ""
    """A part of the benchmark, such as one library; empty for the whole."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownCheckpoint:
    """An entry of the table of known checkpoints."""

    name: str
    hub: str
    architecture: str
    """As config.json's `architectures` names it."""
    recipe: str
    base: str | None = None
    """The checkpoint that it was fine-tuned from; None for a base model."""
    note: str = ""
    aliases: tuple[str, ...] = ()
    published: tuple[PublishedScore, ...] = ()


@cache
def load_known() -> Mapping[str, KnownCheckpoint]:
    """Return all checkpoints of the table by name."""
    table = _read_table()
    return {
        name: KnownCheckpoint(
            name=name,
            hub=row["hub"],
            architecture=row["architecture"],
            recipe=row["recipe"],
            base=row.get("base"),
            note=table["notes"][row["note"]] if "note" in row else "",
            aliases=tuple(row.get("aliases", ())),
            published=_parse_scores(row, table["sources"]),
        )
        for name, row in table["checkpoints"].items()
    }


@cache
def load_others() -> Mapping[str, tuple[PublishedScore, ...]]:
    """Return the published scores of models that cannot be loaded, by name."""
    table = _read_table()
    return {name: _parse_scores(row, table["sources"]) for name, row in table["others"].items()}


def find_known(spec: str) -> KnownCheckpoint | None:
    """Find the table's entry for a hub name, a folder or a served model's name by its last part."""
    last = _extract_last_part(spec)
    for entry in load_known().values():
        if last in (entry.name.lower(), _extract_last_part(entry.hub), *entry.aliases):
            return entry
    return None


def read_own_recipe(folder: Path) -> str | None:
    """Return the recipe that a checkpoint's own manifest names; None if it names none."""
    try:
        manifest = json.loads((folder / OWN_MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    recipe = manifest.get("recipe") if isinstance(manifest, dict) else None
    name = recipe.get("name") if isinstance(recipe, dict) else recipe
    return name if isinstance(name, str) else None


def describe_checkpoint(entry: KnownCheckpoint) -> str:
    """Describe an entry in one line: recipe, architecture, base, and published scores with their sources."""
    parts = [f"recipe {entry.recipe}", entry.architecture]
    if entry.base:
        parts.append(f"from {entry.base}")
    whole = [score for score in entry.published if not score.part]
    if whole:
        sources = "; ".join(dict.fromkeys(score.source for score in whole))
        parts.append(f"published: {', '.join(map(_format_score, whole))} ({sources})")
    return ", ".join(parts)


def _format_score(score: PublishedScore) -> str:
    metric = "" if score.metric == "pass@1" else f" {score.metric}"
    how = f" {score.how}" if score.how else ""
    return f"{score.benchmark}{metric} {score.percent:.1f}{how}"


def _extract_last_part(spec: str) -> str:
    name = SERVED.sub("", spec).rstrip("/").rpartition("/")[2]
    return name.partition("@")[0].rpartition(":")[2].lower()


def _parse_scores(row: Mapping[str, Any], sources: Mapping[str, str]) -> tuple[PublishedScore, ...]:
    return tuple(PublishedScore(**{**score, "source": sources[score["source"]]}) for score in row.get("published", ()))


@cache
def _read_table() -> dict[str, Any]:
    return tomllib.loads((files(__package__) / "checkpoints.toml").read_text(encoding="utf-8"))
