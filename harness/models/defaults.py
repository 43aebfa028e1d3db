"""Find the recipe for a model if the user names none."""

from __future__ import annotations

from pathlib import Path

from .. import registry
from ..optional import HasDefaultRecipe
from .table import find_known, read_own_recipe

RECIPES = {
    "smollm2-135m-instruct": "chat",
    "qwen2.5-coder-0.5b-instruct": "chat",
    # Samples files hold code already.
    "replay": "as-is",
}
"""Name of a builtin model, or prefix of `PREFIX:REST` -> recipe."""


def find_default_recipe(spec: str) -> str | None:
    """Return the recipe of the model `spec`; None if it has none of its own.

    A checkpoint folder's own manifest comes first, then the table of known checkpoints. A third party's model class
    names it in a `default_recipe` attribute.
    """
    prefix, separator, _ = spec.partition(":")
    name = prefix if separator else spec
    if name in RECIPES:
        return RECIPES[name]
    if separator and prefix in registry.list_registered("models"):
        known = registry.lookup("models", prefix)
        if isinstance(known, HasDefaultRecipe):
            return known.default_recipe
    elif own := read_own_recipe(Path(spec).expanduser()):
        return own
    entry = find_known(spec)
    return entry.recipe if entry else None
