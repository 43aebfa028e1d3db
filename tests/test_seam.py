"""Judges are data that benchmarks make and `sandboxes/judges` reads; what is optional is asked for in one place.

Read from the syntax trees, so a lazy import counts as well.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.sandboxes.judges import KINDS
from tests.test_layers import FOLDERS, ROOT

DATA = {"Asserts", "Calls", "Stdio", "Commands", "Part", "Case", "Execution"}
OPTIONAL = ROOT / "harness" / "optional.py"


def sources() -> list[Path]:
    """Return the modules of harness, sandboxes and benchmarks."""
    return sorted(path for folder in FOLDERS.values() for path in folder.rglob("*.py"))


def knows_judges(path: Path) -> bool:
    """Tell whether a module may name the kinds of judge."""
    inner = path.relative_to(ROOT).parts
    return inner == ("harness", "types.py") or inner[:2] == ("sandboxes", "judges") or inner[0] == "benchmarks"


def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def names_judges(tree: ast.Module) -> Iterator[str]:
    """Yield where a module imports the data of judges from the types, or reaches it through them."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").rpartition(".")[2] == "types":
            yield from (f"line {node.lineno}: {alias.name}" for alias in node.names if alias.name in {*DATA, "*"})
        elif isinstance(node, ast.Attribute) and node.attr in DATA and ast.unparse(node.value).endswith("types"):
            yield f"line {node.lineno}: {ast.unparse(node)}"


def asks_for_the_kind(tree: ast.Module) -> Iterator[str]:
    """Yield where a module looks at the type of a judge."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.args:
            of_judge = ast.unparse(node.args[0]).rpartition(".")[2] == "judge"
            named = {one.id for one in ast.walk(node) if isinstance(one, ast.Name)} & DATA
            if node.func.id in ("type", "isinstance", "issubclass") and (of_judge or named):
                yield f"line {node.lineno}: {ast.unparse(node)}"
        elif isinstance(node, ast.Attribute) and node.attr == "__class__":
            if ast.unparse(node.value).rpartition(".")[2] == "judge":
                yield f"line {node.lineno}: {ast.unparse(node)}"
        elif isinstance(node, ast.MatchClass) and ast.unparse(node.cls).rpartition(".")[2] in DATA:
            yield f"line {node.cls.lineno}: {ast.unparse(node)}"


def optional_attributes() -> set[str]:
    """Return what the protocols of `harness/optional.py` name."""
    found = set()
    for node in tree_of(OPTIONAL).body:
        if isinstance(node, ast.ClassDef):
            for member in node.body:
                if isinstance(member, ast.AnnAssign) and isinstance(member.target, ast.Name):
                    found.add(member.target.id)
                elif isinstance(member, ast.FunctionDef):
                    found.add(member.name)
    return found


def guesses(tree: ast.Module, attributes: set[str]) -> Iterator[str]:
    """Yield where a module asks an object for one of `attributes` that it may not have."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("getattr", "hasattr"):
            count = {"getattr": 3, "hasattr": 2}[node.func.id]
            name = node.args[1] if len(node.args) == count else None
            if isinstance(name, ast.Constant) and name.value in attributes:
                yield f"line {node.lineno}: {ast.unparse(node)}"


@pytest.mark.parametrize("path", sources(), ids=lambda path: str(path.relative_to(ROOT)))
def test_only_benchmarks_and_kinds_know_the_kinds_of_judge(path: Path) -> None:
    """Everything else takes a judge as it comes; nothing but the kinds' own folder asks which one it is."""
    tree = tree_of(path)

    if not knows_judges(path):
        assert list(names_judges(tree)) == []
    if path.relative_to(ROOT).parts[:2] != ("sandboxes", "judges"):
        assert list(asks_for_the_kind(tree)) == []


@pytest.mark.parametrize("path", sources(), ids=lambda path: str(path.relative_to(ROOT)))
def test_optional_attributes_are_asked_for_by_their_protocol(path: Path) -> None:
    """No `getattr` with a default and no `hasattr`: `harness/optional.py` has a protocol for each."""
    assert list(guesses(tree_of(path), optional_attributes())) == []


def test_the_checks_find_what_they_look_for() -> None:
    """Each form that is forbidden, in a module that has nothing else."""
    imports = ("from harness.types import Calls", "def f():\n    from ..types import Part as P", "x = types.Stdio()")
    asks = (
        "isinstance(x, Asserts)",
        "isinstance(one.judge, tuple)",
        "type(judge) is y",
        "issubclass(x, (A, Calls))",
        "judge.__class__",
        "match x:\n    case Stdio(cases=()):\n        pass",
    )
    gets = ("getattr(benchmark, 'splits', {})", "hasattr(model, 'idles')")

    assert {"splits", "known_failures", "canaries", "idles", "fit", "default_recipe"} <= optional_attributes()
    assert [source for source in imports if not list(names_judges(ast.parse(source)))] == []
    assert [source for source in asks if not list(asks_for_the_kind(ast.parse(source)))] == []
    assert [source for source in gets if not list(guesses(ast.parse(source), optional_attributes()))] == []
    assert {kind.__name__ for kind in KINDS} <= DATA
