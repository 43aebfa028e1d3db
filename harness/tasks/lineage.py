"""Training of the checkpoint that a run evaluates: the recipe, and which problems the data touched.

It stands in the manifest of a checkpoint or adapter that was trained here. Not promised: anything of a checkpoint whose
training is not on record.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..config import RunConfig
from ..errors import UsageError
from ..models.trained import read_trained
from .recipes import recipe
from .suite import Suite

GROUPS = "training_data"
"""What problems are told by where the data's manifest lists those that it touched."""


def training_of(folder: Path) -> dict[str, Any] | None:
    """Return what a manifest keeps of the training that made the checkpoint in `folder`; None if it is unknown.

    Raises:
        ModelError: the checkpoint's manifest is damaged.
    """
    found = read_trained(folder) if folder.is_dir() else None
    if found is None or "recipe" not in found:
        return None
    told = found["recipe"]
    return {
        "recipe": dict(told) if isinstance(told, Mapping) else {"name": told},
        "base": found.get("base"),
        "data": found.get("data"),
        "contamination": found.get("contamination"),
    }


def folders(config: RunConfig) -> list[Path]:
    """The folders whose training matters for the recipe: those of the adapters, else the checkpoint's."""
    adapters = [Path(spec.partition("=")[2]).expanduser() for spec in config.lora]
    return adapters or [Path(config.model).expanduser()]


def adapters_recipe(config: RunConfig) -> str | None:
    """The recipe that all adapters of a run were trained with; None where there is none, or more than one."""
    if not config.lora:
        return None
    names = {(training_of(folder) or {}).get("recipe", {}).get("name") for folder in folders(config)}
    only = names.pop()
    return only if not names else None


def recipe_warnings(config: RunConfig, chosen: str | None) -> list[str]:
    """A sentence for each checkpoint or adapter that was trained with another recipe than the `chosen` one."""
    told = []
    for folder in folders(config):
        trained = (training_of(folder) or {}).get("recipe")
        if trained and chosen and (reason := differs(trained, chosen)):
            told.append(f"{folder} {reason}; scores may be lower than it can do")
    return told


def differs(trained: Mapping[str, Any], chosen: str) -> str:
    """How the recipe of a training differs from the chosen one; "" where it does not."""
    if trained.get("name") != chosen:
        return f'was trained with the recipe "{trained.get("name")}" and is asked with "{chosen}"'
    try:
        digest = recipe(chosen).digest
    except UsageError:  # a benchmark's own
        return ""
    if trained.get("digest", digest) != digest:
        return f'was trained with another version of the recipe "{chosen}"'
    return ""


def training_slices(training: Mapping[str, Any] | None, suites: Sequence[Suite]) -> dict[str, dict[str, list[str]]]:
    """Benchmark -> "touched" and "untouched" -> task ids, where the data was compared with this very benchmark."""
    found: dict[str, dict[str, list[str]]] = {}
    contamination = (training or {}).get("contamination") or {}
    for suite in suites:
        compared = contamination.get("benchmarks", {}).get(suite.name)
        if compared is None or compared.get("data_digest") != suite.data_digest:
            continue
        touched = set(contamination.get("touched", {}).get(suite.name, ()))
        groups: dict[str, list[str]] = {"touched": [], "untouched": []}
        for task_id in suite.problems:
            groups["touched" if task_id in touched else "untouched"].append(task_id)
        found[suite.name] = {group: ids for group, ids in groups.items() if ids}
    return found
