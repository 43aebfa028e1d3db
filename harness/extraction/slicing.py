"""Keep of a Python program what one function needs: the imports, assignments and definitions that it reaches by name.

Names are resolved by Python's own symbol table, so a local variable reaches nothing. Where code looks names up at run
time (`eval`, `globals`), everything it could mean is kept. A statement outside definitions is kept if it changes
something that is reached, as a loop that fills a table does; a demonstration or a test changes nothing.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Sequence
from dataclasses import dataclass

from .syntax import is_definition, is_import, is_main_guard, list_bound, list_changed, list_used, parse_python

LOOKUPS = {"eval", "exec", "globals", "locals", "vars", "__import__", "importlib"}
"""With one of these, names may be reached through strings."""
SETTINGS = {("sys", "setrecursionlimit"), ("sys", "set_int_max_str_digits"), ("threading", "stack_size")}
"""Calls that change the interpreter for the function's sake."""
BLOCKING = {"input", "exit", "quit", "breakpoint"}
SHOWN = 80
"""Characters of a dropped statement that are shown."""
BUILTINS = frozenset(vars(builtins))


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """Hold the part of a program that a function needs."""

    code: str
    dropped: tuple[str, ...] = ()
    """Statements that went, each as "line N: its beginning"."""
    borrowed: tuple[str, ...] = ()
    """Names whose definitions came from other programs."""


def keep_reachable(
    code: str, tree: ast.Module, name: str, *, also: frozenset[str] = frozenset(), others: Sequence[str] = ()
) -> Slice:
    """Return what `name` needs of `code`, whose syntax tree is `tree`.

    `also` are names that tests may use: their definitions and imports stay. A name that `code` uses without defining
    it is taken from `others`, programs beside it, if one defines it.
    """
    statements = _read_statements(code, tree)
    kept = _follow_names(statements, name, also)
    lent, borrowed = _borrow([statements[number] for number in kept], others, name)
    lines = code.split("\n")
    parts, dropped, end = [*lent], [], 0
    for number, statement in enumerate(statements):
        if number not in kept:
            if isinstance(statement.node, ast.Expr) and isinstance(statement.node.value, ast.Constant):
                continue  # a docstring
            dropped.append(f"line {statement.first + 1}: {_shorten(lines[statement.node.lineno - 1])}")
        else:
            if not statement.shares_line:
                # what stands between two statements is blank or a comment
                parts += lines[end : statement.first]
            parts.append(statement.source)
        end = max(end, statement.last)
    return Slice(code="\n".join(parts).strip("\n"), dropped=tuple(dropped), borrowed=tuple(borrowed))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Statement:
    """A statement at the top level."""

    node: ast.stmt
    first: int
    """Its first line, decorators included, from 0."""
    last: int
    """The line after it."""
    shares_line: bool
    """Whether another statement stands on one of its lines, as in `a = 1; b = 2`."""
    source: str
    bound: frozenset[str]
    """Names at the top level that it binds, or changes a part of."""
    used: frozenset[str]
    """Names at the top level, and builtins, that it and the definitions in it read."""

    @property
    def always(self) -> bool:
        """Whether it matters to any program."""
        match self.node:
            case ast.ImportFrom(module="__future__"):
                return True
            case ast.Expr(value=ast.Call(func=ast.Attribute(value=ast.Name(id=module), attr=attribute))):
                return (module, attribute) in SETTINGS
        return "*" in self.bound

    def find_changed(self, entry: str) -> set[str]:
        """Return the names that are not the same without this statement."""
        assigns = isinstance(self.node, ast.Assign | ast.AnnAssign | ast.AugAssign)
        if assigns or is_definition(self.node) or is_import(self.node):
            return set(self.bound)
        if isinstance(self.node, ast.Assert | ast.Delete) or is_main_guard(self.node) or self.demonstrates(entry):
            return set()
        return list_changed(self.node)

    def demonstrates(self, entry: str) -> bool:
        """Tell whether a statement outside definitions calls the entry point, or blocks."""
        return not is_definition(self.node) and bool(self.used & {entry, *BLOCKING} - self.bound)


def _follow_names(statements: Sequence[_Statement], entry: str, also: frozenset[str]) -> set[int]:
    """Return the numbers of the statements that `entry` reaches."""
    changing: dict[str, list[int]] = {}
    for number, statement in enumerate(statements):
        for name in statement.find_changed(entry):
            changing.setdefault(name, []).append(number)
    tested = {
        number
        for number, statement in enumerate(statements)
        if statement.bound & also and (is_definition(statement.node) or is_import(statement.node))
    }
    waiting = [number for number, statement in enumerate(statements) if statement.always or number in tested]
    waiting += changing.get(entry, [])
    kept, reached = set[int](), {entry}
    while waiting:
        number = waiting.pop()
        if number in kept:
            continue
        kept.add(number)
        fresh = statements[number].used - reached
        reached |= fresh
        waiting += [other for name in fresh for other in changing.get(name, [])]
        if fresh & LOOKUPS:
            every = {other for numbers in changing.values() for other in numbers}
            waiting += [other for other in every if not statements[other].demonstrates(entry)]
    return kept


def _borrow(kept: Sequence[_Statement], others: Sequence[str], entry: str) -> tuple[list[str], list[str]]:
    """Return the source of what `others` define of the names that `kept` lacks, and those names."""
    own = {name for statement in kept for name in statement.bound} | BUILTINS | {entry}
    wanted = {name for statement in kept for name in statement.used} - own
    programs = [_read_statements(code, tree) for code in others if wanted and (tree := parse_python(code)) is not None]
    available = {
        name: (number, statement)
        for number, statements in enumerate(programs)
        for statement in statements
        if not statement.demonstrates(entry)
        for name in statement.bound
    }
    taken: dict[str, tuple[int, _Statement]] = {}
    while waiting := sorted((wanted & available.keys()) - taken.keys()):
        taken |= {name: available[name] for name in waiting}
        wanted |= {used for name in waiting for used in available[name][1].used} - own
    ordered = sorted({(number, found.first, found.source) for number, found in taken.values()})
    return [source for _, _, source in ordered], sorted(taken)


def _read_statements(code: str, tree: ast.Module) -> list[_Statement]:
    lines = code.split("\n")
    spans = [_measure_lines(node) for node in tree.body]
    statements = []
    for number, (node, (first, last)) in enumerate(zip(tree.body, spans, strict=True)):
        beside = spans[max(0, number - 1) : number] + spans[number + 1 : number + 2]
        shares_line = any(start < last and first < end for start, end in beside)
        source = _cut_out(node, lines) if shares_line else "\n".join(lines[first:last])
        statements.append(
            _Statement(
                node=node,
                first=first,
                last=last,
                shares_line=shares_line,
                source=source,
                bound=frozenset(list_bound(node)),
                used=frozenset(list_used(source)),
            )
        )
    return statements


def _cut_out(node: ast.stmt, lines: Sequence[str]) -> str:
    """Return the source of a statement that shares a line; its columns are counted in bytes."""
    assert node.end_lineno is not None
    own = list(lines[node.lineno - 1 : node.end_lineno])
    own[-1] = own[-1].encode()[: node.end_col_offset].decode()
    own[0] = own[0].encode()[node.col_offset :].decode()
    return "\n".join(own)


def _measure_lines(node: ast.stmt) -> tuple[int, int]:
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    assert node.end_lineno is not None
    return min([node.lineno, *(decorator.lineno for decorator in decorators)]) - 1, node.end_lineno


def _shorten(line: str) -> str:
    line = line.strip()
    return line if len(line) <= SHOWN else f"{line[: SHOWN - 3]}..."
