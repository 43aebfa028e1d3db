"""Imports point one way only; read from the sources, so a lazy import counts as well."""

from __future__ import annotations

import ast
import graphlib
from collections.abc import Iterator
from pathlib import Path

import pytest

import harness

ROOT = Path(harness.__file__).resolve().parent.parent
FOLDERS = {
    "harness": ROOT / "harness",
    "harness.benchmarks": ROOT / "benchmarks",
    "harness.sandboxes": ROOT / "sandboxes",
}
LAYERS = (
    "__init__ types errors digests progress",
    "config data optional",
    "registry store",
    "models sandboxes",
    "extraction",
    "tasks",
    "recipes metrics checks",
    "benchmarks report cluster",
    "tracking",
    "evaluation service",
    "compare evolve exchange planning rewards",
    "finetune",
    "curation view",
    "loop",
    "api",
    "cli",
    "__main__",
)
"""The rooms of the harness; one imports from the layers above its own, never from its neighbours."""
LAYER = {room: number for number, rooms in enumerate(LAYERS) for room in rooms.split()}
PLUGINS = {"benchmarks", "models", "sandboxes"}
"""Installed below `harness`: importing one by its folder's name makes a second copy of its classes."""


def modules() -> dict[str, Path]:
    """Return every module by its installed name; what runs inside a sandbox is a program of its own."""
    found = {}
    for package, folder in FOLDERS.items():
        for path in sorted(folder.rglob("*.py")):
            inner = path.relative_to(folder).with_suffix("").parts
            if not (package == "harness.sandboxes" and inner[0] == "inside"):
                found[".".join([package, *inner]).removesuffix(".__init__")] = path
    return found


MODULES = modules()


def statements(tree: ast.AST, *, typing: bool) -> Iterator[ast.AST]:
    """Yield the nodes of a tree, with those that only a type checker reads if `typing`."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING" and not typing:
            continue
        yield node
        yield from statements(node, typing=typing)


def imported(name: str, *, typing: bool = True) -> set[str]:
    """Return the modules of the harness that a module imports."""
    path = MODULES[name]
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    found: set[str] = set()
    for node in statements(ast.parse(path.read_text(encoding="utf-8")), typing=typing):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            names = [f"{module}.{alias.name}" for alias in node.names]
        else:
            continue
        for other in names:
            assert other.split(".")[0] not in PLUGINS, f"{name} imports {other}: a second copy of its classes"
            parts = other.split(".")
            prefixes = (".".join(parts[:size]) for size in range(len(parts), 0, -1))
            found |= {next((prefix for prefix in prefixes if prefix in MODULES), name)}
    return found - {name}


def room(name: str) -> str:
    """Return the part of the harness that a module belongs to."""
    return name.split(".")[1] if "." in name else "__init__"


@pytest.mark.parametrize("name", MODULES)
def test_imports_point_to_layers_above(name: str) -> None:
    """A module imports from its own room and from layers above it, for types too."""
    for other in imported(name):
        if room(other) != room(name):
            assert LAYER[room(other)] < LAYER[room(name)], f"{name} imports {other}"


def test_every_room_has_a_layer() -> None:
    """And every layer has its rooms."""
    assert {room(name) for name in MODULES} == set(LAYER)


def test_modules_import_one_another_in_no_circle() -> None:
    """But for what only a type checker reads."""
    graphlib.TopologicalSorter({name: imported(name, typing=False) for name in MODULES}).prepare()


def test_contributing_draws_the_layers() -> None:
    """In the same order."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    drawn = text[text.index("```text") :].split("```")[1].splitlines()[1:]

    assert [line.split() for line in drawn if line] == [rooms.split() for rooms in LAYERS]


def test_the_root_holds_what_plug_ins_import() -> None:
    """Everything else has a room."""
    files = sorted(path.stem for path in (ROOT / "harness").glob("*.py"))

    assert files == ["__init__", "__main__", "digests", "errors", "optional", "recipes", "registry", "types"]


def test_the_types_need_the_standard_library_alone() -> None:
    """Whoever writes a benchmark or a model of their own needs nothing else."""
    for part in ("types", "errors"):
        assert imported(f"harness.{part}") == set()
