"""Read Python programs without running them: the names that a statement binds, changes and reads."""

from __future__ import annotations

import ast
import symtable
import warnings
from collections.abc import Iterator

MOST_LEVELS = 150
"""Depth of a tree up to which `ast.unparse` has frames enough, which takes some for each level."""


def parse_python(code: str) -> ast.Module | None:
    """Return the syntax tree of `code`; None if it is not Python."""
    parsed = _parse(code)
    return parsed if isinstance(parsed, ast.Module) else None


def parse_shallow(code: str) -> ast.Module | None:
    """Return the syntax tree of `code`, which functions may walk that call themselves; None if it is too deep for them.

    A model that repeats itself nests further than Python's own limit allows, `ast.unparse` included.
    """
    tree = parse_python(code)
    level: list[ast.AST] = [tree] if tree else []
    for _ in range(MOST_LEVELS):
        level = [child for node in level for child in ast.iter_child_nodes(node)]
        if not level:
            return tree
    return None


def find_error(code: str) -> int | None:
    """Return the line, from 1, at which `code` ceases to be Python; None if it is Python."""
    parsed = _parse(code)
    return None if isinstance(parsed, ast.Module) else parsed


def _parse(code: str) -> ast.Module | int:
    """Return the syntax tree, or the line of the first error."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # escapes in other people's strings
        try:
            return ast.parse(code)
        except SyntaxError as error:
            return error.lineno or 1
        except (ValueError, RecursionError, MemoryError):
            return 1


def implements(tree: ast.Module, name: str) -> bool:
    """Tell whether the program really defines `name`: its last definition has a body that does something."""
    definitions = [
        node for node in tree.body if name in list_bound(node) and not isinstance(node, ast.Import | ast.ImportFrom)
    ]
    return bool(definitions) and not _is_stub(definitions[-1], name)


def list_used(source: str) -> set[str]:
    """Return the names that a statement reads outside its own local variables."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            waiting = [symtable.symtable(source, "", "exec")]
    except (SyntaxError, ValueError, RecursionError, MemoryError):  # such as `return` outside a function
        return set()
    used = set[str]()
    while waiting:
        table = waiting.pop()
        top = table.get_type() == "module"
        used |= {
            symbol.get_name()
            for symbol in table.get_symbols()
            if (symbol.is_referenced() if top else symbol.is_global())
        }
        waiting += table.get_children()
    return used


def list_bound(node: ast.stmt) -> set[str]:
    """Return the names at the top level that a statement binds, or changes a part of."""
    match node:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            return {name}
        case ast.Import(names=aliases) | ast.ImportFrom(names=aliases):
            return {(alias.asname or alias.name).partition(".")[0] for alias in aliases}
        case ast.Assign(targets=targets) | ast.Delete(targets=targets):
            return {root for target in targets for root in _list_roots(target)}
        case ast.AnnAssign(target=target) | ast.AugAssign(target=target):
            return set(_list_roots(target))
    bound = {
        root for inner in _walk_own_scope(node) if isinstance(inner, ast.For) for root in _list_roots(inner.target)
    }
    for inner in _walk_own_scope(node):
        if isinstance(inner, ast.NamedExpr):
            bound.add(inner.target.id)
        elif isinstance(inner, ast.Assign | ast.AnnAssign | ast.AugAssign | ast.Import | ast.ImportFrom) or (
            is_definition(inner)
        ):
            assert isinstance(inner, ast.stmt)
            bound |= list_bound(inner)
    return bound


def list_changed(node: ast.stmt) -> set[str]:
    """Return what a statement outside definitions binds, calls a method of, or hands to a module's function."""
    changed = list_bound(node)
    for inner in _walk_own_scope(node):
        if isinstance(inner, ast.Call) and isinstance(inner.func, ast.Attribute):
            changed |= set(_list_roots(inner.func))
            if isinstance(node, ast.Expr):
                changed |= {argument.id for argument in inner.args if isinstance(argument, ast.Name)}
    return changed


def _list_roots(target: ast.expr) -> Iterator[str]:
    """Yield the names that an assignment to `target` changes, such as `a` for `a.b[0]`; as deep as it may be."""
    waiting = [target]
    while waiting:
        match waiting.pop():
            case ast.Name(id=name):
                yield name
            case (
                ast.Attribute(value=value)
                | ast.Subscript(value=value)
                | ast.Starred(value=value)
                | ast.Call(func=value)
            ):
                waiting.append(value)
            case ast.Tuple(elts=parts) | ast.List(elts=parts):
                waiting += parts


def is_main_guard(node: ast.stmt) -> bool:
    return isinstance(node, ast.If) and "__name__" in {
        inner.id for inner in ast.walk(node.test) if isinstance(inner, ast.Name)
    }


def is_definition(node: ast.AST) -> bool:
    return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)


def is_import(node: ast.stmt) -> bool:
    return isinstance(node, ast.Import | ast.ImportFrom)


def _walk_own_scope(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes of a statement but for those inside the definitions that it holds."""
    waiting = [node]
    while waiting:
        inner = waiting.pop()
        yield inner
        if not is_definition(inner) and not isinstance(inner, ast.Lambda):
            waiting += ast.iter_child_nodes(inner)


def _is_stub(node: ast.stmt, name: str) -> bool:
    """Tell whether a statement that binds `name` gives it nothing to do."""
    match node:
        case ast.FunctionDef(body=body) | ast.AsyncFunctionDef(body=body) | ast.ClassDef(body=body):
            return all(_does_nothing(inner) for inner in body)
        case ast.Assign(value=value) | ast.AnnAssign(value=value):
            return value is None or (isinstance(value, ast.Constant) and (value.value is None or value.value is ...))
        case ast.AugAssign() | ast.Delete():
            return True
    inner = [found for found in _walk_own_scope(node) if isinstance(found, ast.stmt) and found is not node]
    return all(_is_stub(found, name) for found in inner if is_definition(found) and name in list_bound(found))


def _does_nothing(node: ast.stmt) -> bool:
    match node:
        case ast.Pass() | ast.Expr(value=ast.Constant()):
            return True
        case ast.Raise(exc=ast.Name(id="NotImplementedError") | ast.Call(func=ast.Name(id="NotImplementedError"))):
            return True
    return False
