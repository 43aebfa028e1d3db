"""The functions in a row's code, as programs that can be called from outside."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from .blocks import parse_blocks
from .records import InstructionRow

DEFINITIONS = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef, ast.Assign, ast.AnnAssign)


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """One function of one row."""

    row_id: str
    program: str
    """Imports, definitions and assignments of the code it stands in."""
    expression: str
    """Gives the function once the program has run: a name, or a method of a class without arguments."""
    arguments: tuple[int, int]
    """The fewest and the most positional arguments it takes."""

    def bind_name(self, name: str) -> str:
        """Return the program with the function also bound to `name`."""
        return f"{self.program}\n{name} = {self.expression}\n" if self.expression != name else self.program


def extract_functions(row: InstructionRow) -> Iterator[Function]:
    """Yield the top-level functions, and the methods of simple classes, in the code of a row's three texts."""
    for text in filter(None, (row.output, row.instruction, row.input)):
        for tree in parse_blocks(text):
            program = ast.unparse([node for node in tree.body if _is_definition(node)])  # type: ignore[arg-type]
            for expression, arguments in _find_callables(tree):
                yield Function(row_id=row.id, program=program, expression=expression, arguments=arguments)


def _is_definition(node: ast.stmt) -> bool:
    """Tell whether a statement must run before a function can be called, and neither prints nor reads."""
    if isinstance(node, ast.Assign | ast.AnnAssign):
        return not any(isinstance(part, ast.Call) and _calls_io(part) for part in ast.walk(node))
    return isinstance(node, DEFINITIONS)


def _calls_io(call: ast.Call) -> bool:
    return isinstance(call.func, ast.Name) and call.func.id in ("input", "open", "print")


def _find_callables(tree: ast.Module) -> Iterator[tuple[str, tuple[int, int]]]:
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            yield node.name, _count_arguments(node.args, 0)
        elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Lambda):
            for target in node.targets:
                if isinstance(target, ast.Name):
                    yield target.id, _count_arguments(node.value.args, 0)
        elif isinstance(node, ast.ClassDef):
            yield from _find_methods(node)


def _find_methods(node: ast.ClassDef) -> Iterator[tuple[str, tuple[int, int]]]:
    methods = [part for part in node.body if isinstance(part, ast.FunctionDef)]
    init = next((part for part in methods if part.name == "__init__"), None)
    if init is not None and _count_arguments(init.args, 1)[0] > 0:
        return
    for method in methods:
        if not method.name.startswith("__"):
            static = any(isinstance(one, ast.Name) and one.id == "staticmethod" for one in method.decorator_list)
            yield f"{node.name}().{method.name}", _count_arguments(method.args, 0 if static else 1)


def _count_arguments(arguments: ast.arguments, bound: int) -> tuple[int, int]:
    positional = len(arguments.posonlyargs) + len(arguments.args) - bound
    most = 99 if arguments.vararg else positional
    needed_names = sum(default is None for default in arguments.kw_defaults)
    return (99, 99) if needed_names else (positional - len(arguments.defaults), most)
