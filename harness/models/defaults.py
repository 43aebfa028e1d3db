"""Which recipe a model is asked with when the user names none."""

from __future__ import annotations

from pathlib import Path

from .. import registry
from ..optional import HasDefaultRecipe
from .table import find_known, own_recipe

RECIPES = {
    "smollm2-135m-instruct": "chat",
    # Samples files hold code already.
    "replay": "as-is",
}
"""By the name of a builtin model, or by the prefix of `PREFIX:REST`."""


def default_recipe(spec: str) -> str | None:
    """The recipe of the model `spec`; None where it has none of its own.

    A checkpoint folder's own manifest says it, then the table of known checkpoints. A third party's model
    class says it in a `default_recipe` attribute.
    """
    prefix, separator, _ = spec.partition(":")
    name = prefix if separator else spec
    if name in RECIPES:
        return RECIPES[name]
    if separator and prefix in registry.names("models"):
        known = registry.lookup("models", prefix)
        if isinstance(known, HasDefaultRecipe):
            return known.default_recipe
    elif own := own_recipe(Path(spec).expanduser()):
        return own
    entry = find_known(spec)
    return entry.recipe if entry else None
