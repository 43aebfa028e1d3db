"""Training of the checkpoint that a run evaluates: the recipe, and which problems the data touched.

Both are in the manifest of a checkpoint or adapter that was trained here; nothing is known of other checkpoints.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..config import RunConfig
from ..errors import UsageError
from ..models.trained import read_training
from .recipes import recipe
from .suite import Suite

GROUPS = "training_data"
"""Name of the grouping of problems by whether the training data touched them."""


def summarize_training(folder: Path) -> dict[str, Any] | None:
    """Return what a manifest keeps of the training of the checkpoint in `folder`; None if it is unknown.

    Raises:
        ModelError: the checkpoint's manifest is damaged.
    """
    training = read_training(folder) if folder.is_dir() else None
    if training is None or "recipe" not in training:
        return None
    recipe_facts = training["recipe"]
    return {
        "recipe": dict(recipe_facts) if isinstance(recipe_facts, Mapping) else {"name": recipe_facts},
        "base": training.get("base"),
        "data": training.get("data"),
        "contamination": training.get("contamination"),
    }


def list_trained_folders(config: RunConfig) -> list[Path]:
    """List the folders whose training decides the recipe: the adapters', otherwise the checkpoint's."""
    adapters = [Path(spec.partition("=")[2]).expanduser() for spec in config.lora]
    return adapters or [Path(config.model).expanduser()]


def find_adapters_recipe(config: RunConfig) -> str | None:
    """Return the recipe that all adapters of a run were trained with; None if there is no single one."""
    if not config.lora:
        return None
    trainings = [summarize_training(folder) or {} for folder in list_trained_folders(config)]
    names = {training.get("recipe", {}).get("name") for training in trainings}
    only = names.pop()
    return only if not names else None


def find_recipe_warnings(config: RunConfig, chosen: str | None) -> list[str]:
    """Return a warning for each checkpoint or adapter that was trained with another recipe than `chosen`."""
    warnings = []
    for folder in list_trained_folders(config):
        trained = (summarize_training(folder) or {}).get("recipe")
        if trained and chosen and (reason := explain_difference(trained, chosen)):
            warnings.append(f"{folder} {reason}; scores may be lower than it can do")
    return warnings


def explain_difference(trained: Mapping[str, Any], chosen: str) -> str:
    """Explain how the recipe of a training differs from the chosen one; "" if it does not."""
    if trained.get("name") != chosen:
        return f'was trained with the recipe "{trained.get("name")}" and is asked with "{chosen}"'
    try:
        digest = recipe(chosen).digest
    except UsageError:  # a benchmark's own
        return ""
    if trained.get("digest", digest) != digest:
        return f'was trained with another version of the recipe "{chosen}"'
    return ""


def group_by_training(training: Mapping[str, Any] | None, suites: Sequence[Suite]) -> dict[str, dict[str, list[str]]]:
    """Return benchmark -> "touched" and "untouched" -> task ids, if the data was compared with this benchmark."""
    groups_by_benchmark: dict[str, dict[str, list[str]]] = {}
    contamination = (training or {}).get("contamination") or {}
    for suite in suites:
        compared = contamination.get("benchmarks", {}).get(suite.name)
        if compared is None or compared.get("data_digest") != suite.data_digest:
            continue
        touched = set(contamination.get("touched", {}).get(suite.name, ()))
        groups: dict[str, list[str]] = {"touched": [], "untouched": []}
        for task_id in suite.problems:
            groups["touched" if task_id in touched else "untouched"].append(task_id)
        groups_by_benchmark[suite.name] = {group: ids for group, ids in groups.items() if ids}
    return groups_by_benchmark
