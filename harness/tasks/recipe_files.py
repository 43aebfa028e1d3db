"""Recipes of a user's own: TOML files with the fields of `Recipe`, its extraction by the name of a rule or as a table.

A run that is made with one keeps all of its fields in the manifest, so that it can be continued, extracted again and
reported without the file.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from ..config.checking import Where, build_config
from ..config.tables import read_tables
from ..errors import UsageError, suggest
from ..extraction.rules import EXTRACTIONS, Extraction
from ..store import MANIFEST, read_manifest
from .prompt_format import PLACEHOLDERS, Recipe
from .recipes import RECIPES
from .suite import AS_IS

KEPT = "own_recipes"
"""Key of a manifest: digest -> all fields of a recipe that only its user has."""

NAME = re.compile(r"[\w.+-]{1,60}")
BRACES = re.compile(r"\{+[ \t]*(\w+)[ \t]*\}+")
CHAT_ONLY = ("system", "shots", "prefill")
TEXT_ONLY = ("indent_to_tab", "response_marker", "suffix")


def read_recipe_file(path: Path) -> Recipe:
    """Read the recipe in a TOML file, or the one that the run in the folder `path` was made with.

    Raises:
        UsageError: the file cannot be read, or a key or a value does not fit.
        StoreError: it is a folder and no run folder.
    """
    path = path.expanduser()
    if path.is_dir():
        return _read_from_run(path)
    if not path.exists():
        raise UsageError(
            f"recipe file {path} does not exist; a run that was made with it still has the recipe: "
            "--recipe-file RUN_FOLDER"
        )
    tables = read_tables(path, "recipe file")
    made = _build_recipe(tables.values, tables.locate)
    _check_recipe(made, lambda key: f"{tables.locate('', key)}: ")
    return made


def keep_recipe(made: Recipe) -> dict[str, Any]:
    """Return a recipe as a manifest keeps it, by its digest."""
    return {made.digest: asdict(made)}


def recall_recipe(manifest: Mapping[str, Any], recorded: Mapping[str, str]) -> Recipe | str:
    """Return the recipe that the manifest keeps under the recorded digest or name, or else the name.

    Raises:
        UsageError: it is of another version of the harness.
    """
    kept = manifest.get(KEPT, {})
    named = (values for values in reversed(kept.values()) if values["name"] == recorded["name"])
    # With an extractor of the run's the recorded digest is that of both.
    values = kept.get(recorded["digest"]) or next(named, None)
    return recorded["name"] if values is None else _build_recipe(values, lambda *_: MANIFEST)


def _read_from_run(path: Path) -> Recipe:
    manifest = read_manifest(path)
    identity = manifest["identity"]
    for recorded in identity.get("recipe", identity["extraction"]).values():
        if recorded and isinstance(made := recall_recipe(manifest, recorded), Recipe):
            return made
    raise UsageError(f"{path} was not made with a recipe file; name its recipe with --recipe")


def _build_recipe(values: Mapping[str, Any], locate: Any) -> Recipe:
    """Build a recipe of plain values; `locate` returns the place of a table's key."""

    def where(key: str) -> str:
        return f"{locate('', key)}: "

    extraction = values.get("extraction")
    if isinstance(extraction, str):
        extraction = _find_rule(extraction, where)
    elif isinstance(extraction, Mapping):
        named = {"name": str(values.get("name")), **extraction}
        extraction = build_config(Extraction, named, lambda key: f"{locate('extraction', key)}: [extraction] ")
    given = {"description": "", **values} | ({} if extraction is None else {"extraction": extraction})
    return build_config(Recipe, given, where)


def _find_rule(name: str, where: Where) -> Extraction:
    known = {made.extraction.name: made.extraction for made in (AS_IS, *RECIPES.values())} | dict(EXTRACTIONS)
    if name not in known:
        raise UsageError(f'{where("extraction")}extraction "{name}" is not known.{suggest(name, known)}')
    return known[name]


def _check_recipe(made: Recipe, where: Where) -> None:
    """Refuse fields that do not fit one another, or names that the harness has.

    Raises:
        UsageError: the first of them, with its line.
    """
    known = {recipe.name: recipe.extraction for recipe in (AS_IS, *RECIPES.values())}
    if not NAME.fullmatch(made.name):
        raise UsageError(f'{where("name")}name is "{made.name}"; write letters, digits and . _ + - alone')
    if made.name in known:
        raise UsageError(f'{where("name")}name is "{made.name}", which is a recipe of the harness; choose another one')
    rules = dict(EXTRACTIONS) | {rule.name: rule for rule in known.values()}
    if rules.get(made.extraction.name, made.extraction) != made.extraction:
        raise UsageError(
            f'{where("extraction")}extraction.name is "{made.extraction.name}", which is a rule of the harness; '
            "choose another one"
        )
    unfit = {"chat": TEXT_ONLY, "text": CHAT_ONLY}[made.kind]
    defaults = {field.name: field.default for field in fields(made)}
    for name in unfit:
        if getattr(made, name) != defaults[name]:
            raise UsageError(f'{where(name)}{name} does not go with kind "{made.kind}"; leave it out')
    _check_placeholders(made.template, "template", PLACEHOLDERS, where)
    _check_placeholders(made.prefill, "prefill", ("prompt",), where)
    _check_placeholders(made.suffix, "suffix", ("suffix",), where)
    if not BRACES.search(made.template):
        raise UsageError(f"{where('template')}template lacks the problem; write {{prompt}} or {{instruction}} in it")


def _check_placeholders(template: str, key: str, known: tuple[str, ...], where: Where) -> None:
    for match in BRACES.finditer(template):
        if match[0] != f"{{{match[1]}}}" or match[1] not in known:
            offer = ", ".join(f"{{{name}}}" for name in known)
            raise UsageError(f"{where(key)}{key} has {match[0]}; it can have {offer}")
