"""Imports point one way only; read from the sources, so a lazy import counts as well."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import harness

ROOT = Path(harness.__file__).resolve().parent.parent
FOLDERS = {
    "harness": ROOT / "harness",
    "harness.benchmarks": ROOT / "benchmarks",
    "harness.sandboxes": ROOT / "sandboxes",
}

LAYERS = {
    0: "__init__ types errors",
    2: "pipeline scoring session manifest compare report exchange doctor listing verify canaries datafiles "
    "suite fragile source plans place forecast capacity noise ask extractors lineage frames api "
    "evolve finetune loop cluster",
    3: "cli __main__",
}
"""A part that is not named belongs to layer 1: config, data, recipes, store and the like."""
PLUGINS = {"benchmarks", "models", "sandboxes"}
"""They import from the first two layers; the core reaches them from the third on, or by the registry."""


def layer(part: str) -> int:
    return next((number for number, parts in LAYERS.items() if part in parts.split()), 1)


def modules() -> list[tuple[str, Path]]:
    """Every module by its installed name; what runs inside a sandbox is a program of its own."""
    found = []
    for package, folder in FOLDERS.items():
        for path in sorted(folder.rglob("*.py")):
            inner = path.relative_to(folder).with_suffix("").parts
            if not (package == "harness.sandboxes" and inner[0] == "inside"):
                found.append((".".join([package, *inner]), path))
    return found


def imported(name: str, path: Path) -> set[str]:
    """The parts of the harness (first name below it) that a module imports."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = name.split(".")[: -node.level] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            names = [f"{module}.{alias.name}" for alias in node.names]
        else:
            continue
        for found_name in names:
            parts = found_name.split(".")
            assert parts[0] not in PLUGINS, f"{name} imports {found_name}: a second copy of the package's classes"
            if parts[0] == "harness" and len(parts) > 1:
                found.add("__init__" if parts[1].startswith("__") else parts[1])
    return found


@pytest.mark.parametrize(("name", "path"), modules(), ids=[name for name, _ in modules()])
def test_imports_point_left(name: str, path: Path) -> None:
    """A module imports from its own layer and those left of it; a plug-in from its own package and the first two."""
    part = name.split(".")[1]
    allowed_plugins = PLUGINS if part not in PLUGINS and layer(part) >= 2 else {part} & PLUGINS
    highest = 1 if part in PLUGINS else layer(part)
    for other in imported(name, path):
        if other in PLUGINS:
            assert other in allowed_plugins, f"{name} imports {other}"
        else:
            assert layer(other) <= highest, f"{name} imports {other}"


def test_the_types_need_the_standard_library_alone() -> None:
    """Whoever writes a benchmark or a model of their own needs nothing else."""
    for part in ("types", "errors"):
        assert imported(f"harness.{part}", ROOT / "harness" / f"{part}.py") == set()
