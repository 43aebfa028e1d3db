"""Pages that are made from the code when the documentation is built, so that they cannot fall behind it.

cli.md from the parser, the tables of recipes and benchmarks from what these say of themselves, the attack table of
sandbox.md from the headers of tests/attacks, the messages of troubleshooting.md from the places that raise them. Where
a page of docs/ has the line `<!-- generated: NAME -->`, the part called NAME stands in its place.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import typer

from harness import VERBS, api
from harness.cli.application import app
from harness.optional import HasFacts, get_files
from harness.recipes import RECIPES
from harness.registry import BUILTIN, make_benchmark
from harness.types import BenchmarkFacts

ROOT = Path(__file__).resolve().parent.parent.parent
SOURCES = ("harness", "benchmarks", "sandboxes")
ERRORS = (
    *("UsageError", "DataError", "SamplesError", "StoreError", "ModelError", "SandboxUnavailable"),
    *("NothingSurvived", "NotFinite", "ClusterUnavailable"),
)
MARK = re.compile(r"^<!-- generated: ([a-z-]+) -->$", re.MULTILINE)


def commands() -> str:
    """Every command with its arguments and options."""
    return "\n".join(line for path, command in _commands(typer.main.get_command(app)) for line in _about(path, command))


def _commands(group: Any, path: str = "harness") -> Iterator[tuple[str, Any]]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _commands(command, f"{path} {name}")
        else:
            yield f"{path} {name}", command


def _about(path: str, command: Any) -> Iterator[str]:
    arguments = [one for one in command.params if one.param_type_name == "argument"]
    options = [one for one in command.params if one.param_type_name == "option"]
    named = [one.name.upper() if one.required else f"[{one.name.upper()}]" for one in arguments]
    yield f"## {path}\n"
    yield " ".join((command.help or "").split()) + "\n"
    yield f"```text\n{' '.join([path, *named, '[OPTIONS]'])}\n```\n"
    if arguments:
        yield "| argument | |"
        yield "|---|---|"
        yield from (f"| `{one.name.upper()}` | {_cell(one.help)} |" for one in arguments)
        yield ""
    yield "| option | |"
    yield "|---|---|"
    for one in options:
        names = ", ".join(f"`{name}`" for name in [*one.opts, *one.secondary_opts])
        again = " Repeatable." if one.multiple and "repeatable" not in (one.help or "") else ""
        yield f"| {names} | {_cell(one.help)}{again} |"
    yield ""


def recipes() -> str:
    """A row per recipe, by its description."""
    rows = ["| recipe | prompt | tokens | what |", "|---|---|---|---|"]
    rows += [f"| `{one.name}` | {one.kind} | {one.max_tokens} | {_cell(one.description)} |" for one in RECIPES.values()]
    return "\n".join(rows)


def benchmarks() -> str:
    """A row per benchmark of the harness, by what its class says of it."""
    rows = [
        "| benchmark | problems | judge | trust | environment | licence | data from | published |",
        "|---" * 8 + "|",
    ]
    for name in BUILTIN["benchmarks"]:
        known = make_benchmark(name)
        facts = known.facts if isinstance(known, HasFacts) else None
        told = [getattr(facts, field.name, "") for field in fields(BenchmarkFacts)]
        origins = dict.fromkeys(file.origin.partition(",")[0] for file in get_files(known))
        cells = [f"`{name}`", *told[:3], f"`{known.environment}`", told[3], ", ".join(origins), told[4]]
        rows.append("".join(f"| {_cell(cell)} " for cell in cells) + "|")
    return "\n".join(rows)


def attacks() -> str:
    """A row per hostile program: what it does, and what it gets where."""
    rows = ["| program | what it does | split | in-process |", "|---|---|---|---|"]
    for path in sorted((ROOT / "tests" / "attacks").glob("*.py")):
        found = dict(re.findall(r"^# ([a-z0-9-]+): (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE))
        split = found.get("expect-split", found.get("expect", "by kind of problem"))
        same = found.get("expect-in-process", found.get("expect", "by kind of problem"))
        mark = " **(succeeds)**" if same == "passed" and not path.stem.startswith("honest") else ""
        rows.append(f"| `{path.stem}` | {_cell(found['attack'])} | {_words(split)} | {_words(same)}{mark} |")
    return "\n".join(rows)


def messages() -> str:
    """Every message, by the class of its error; `{...}` stands for what differs from case to case."""
    found: dict[str, dict[str, str]] = {name: {} for name in ERRORS}
    for folder in SOURCES:
        for path in sorted((ROOT / folder).rglob("*.py")):
            for name, text in _find_errors(path):
                found[name].setdefault(text, path.relative_to(ROOT).as_posix())
    lines = []
    for name, texts in found.items():
        lines.append(f"### {name}\n")
        if not texts:
            lines.append("Its message is put together from what happened.\n")
            continue
        lines += ["| message | raised in |", "|---|---|"]
        lines += [f"| {_code(text)} | `{path}` |" for text, path in sorted(texts.items())]
        lines.append("")
    return "\n".join(lines)


def _find_errors(path: Path) -> Iterator[tuple[str, str]]:
    """Yield the class and the message of every error of the harness that the file `path` makes."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    texts = {
        target.id: node.value.value
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ERRORS and node.args:
            text = _template(node.args[0], texts)
            # A variable alone holds a message that was made, and is listed, elsewhere.
            if not re.fullmatch(r"\{[^}]*\}", text):
                yield node.func.id, text


def _template(node: ast.expr, texts: Mapping[str, str]) -> str:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "format":
        return _template(node.func.value, texts)
    if isinstance(node, ast.Name) and node.id in texts:
        return texts[node.id]
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(
            str(part.value) if isinstance(part, ast.Constant) else f"{{{_describe(part)}}}" for part in node.values
        )
    if isinstance(node, ast.BinOp):
        return f"{_template(node.left, texts)}{_template(node.right, texts)}"
    return f"{{{_describe(node)}}}"


def _describe(node: ast.expr) -> str:
    """Return what a placeholder stands for, in a word."""
    shown = ast.unparse(node.value if isinstance(node, ast.FormattedValue) else node)
    return shown if re.fullmatch(r"[\w.]{1,24}", shown) else "..."


def _words(statuses: str) -> str:
    return statuses.replace("_", " ")


def _cell(text: str | None) -> str:
    return " ".join((text or "").split()).replace("|", "\\|").replace("<", "&lt;")


def _code(text: str) -> str:
    shown = " ".join(text.split()).replace("|", "\\|")
    return f"`` {shown} ``" if shown else ""


def functions() -> str:
    """The table of verbs and functions, and each function by its docstring."""
    rows = [f"| `harness {verb}` | [`harness.{name}`](#{_home(name)}.{name}) |" for verb, (name, *_) in VERBS.items()]
    shown = dict.fromkeys(["load_runs", "Runs", *(verb.function for verb in VERBS.values())])
    return "\n".join([*rows, "", *(f"::: {_home(name)}.{name}\n" for name in shown)])


def _home(name: str) -> str:
    return str(getattr(api, name).__module__)


PARTS: dict[str, Callable[[], str]] = {
    "functions": functions,
    "commands": commands,
    "recipes": recipes,
    "benchmarks": benchmarks,
    "attacks": attacks,
    "messages": messages,
}


def fill_parts(markdown: str) -> str:
    """Fill the generated parts into `markdown`."""
    return MARK.sub(lambda found: PARTS[found[1]](), markdown)


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Fill in a page; mkdocs calls this for each of them."""
    return fill_parts(markdown)
