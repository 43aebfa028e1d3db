"""List the names that users may give, each with a description; nothing heavy is imported."""

from __future__ import annotations

from .. import registry
from ..extraction.rules import ABOUT as EXTRACTORS
from .recipes import list_recipes as recipe_names


def describe_names(kind: str) -> dict[str, str]:
    """Return name -> description for one of the kinds that `harness list` knows."""
    if kind == "recipes":
        return {**recipe_names(), "as-is": "for answers that are code already, as replayed samples files"}
    if kind == "extractors":
        return {**EXTRACTORS, "as-is": "the text as it is"}
    if kind == "models":
        from ..models.builtin import BUILTIN

        builtin = {name: f"builtin, from {model.origin}" for name, model in BUILTIN.items()}
        own = {"FOLDER": "a checkpoint folder", "OWNER/NAME": "a checkpoint on the hub"}
        return {
            **builtin,
            **own,
            **{name: f"adapter {value}" for name, value in registry.list_registered(kind).items()},
        }
    if kind == "checkpoints":
        from ..models.table import describe_checkpoint, load_known

        return {entry.hub: describe_checkpoint(entry) for entry in load_known().values()}
    return dict(registry.list_registered(kind))
