"""A piece of Python as the sequence of what it is made of: no names of its own, no layout, no comments, no types."""

from __future__ import annotations

import ast
import builtins

BUILTINS = frozenset(dir(builtins))


def list_nodes(tree: ast.AST) -> list[str]:
    """Return the kinds of a tree's nodes; operators, constants, attributes, keywords and built-in names stay."""
    labels: list[str] = []
    _walk(tree, labels)
    return labels


def _walk(node: ast.AST, labels: list[str]) -> None:
    if isinstance(node, ast.Load | ast.Store | ast.Del) or _is_docstring(node):
        return
    labels.append(_label_node(node))
    for child in _list_children(node):
        _walk(child, labels)


def _label_node(node: ast.AST) -> str:
    """Return a node's kind, with its value if that is no matter of taste."""
    match node:
        case ast.Name():
            return node.id if node.id in BUILTINS else "name"
        case ast.Constant():
            return repr(node.value)[:80]
        case ast.Attribute():
            return f".{node.attr}"
        case ast.keyword():
            return f"{node.arg}="
        case ast.alias():
            return node.name
    return "Assign" if isinstance(node, ast.AnnAssign) else type(node).__name__


def _list_children(node: ast.AST) -> list[ast.AST]:
    """Return a node's parts without annotations."""
    match node:
        case ast.arg() | ast.alias():
            return []
        case ast.AnnAssign():
            return [node.target, *([node.value] if node.value else [])]
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            return [node.args, *node.body, *node.decorator_list]
    return list(ast.iter_child_nodes(node))


def _is_docstring(node: ast.AST) -> bool:
    """Tell whether a statement is a text alone, which does nothing."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
