"""The code in an answer: fenced blocks, or the whole text where that is Python."""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Iterator

from ..extraction.markdown import find_blocks
from ..extraction.syntax import parse_shallow


def extract_code_blocks(text: str) -> list[str]:
    """Return the closed blocks that may be Python, dedented; the text itself if it has no fence."""
    blocks = find_blocks(text)
    if not blocks:
        return [text]
    return [textwrap.dedent(block.code) for block in blocks if block.closed and block.may_be_python]


def parse_blocks(text: str) -> Iterator[ast.Module]:
    """Yield the syntax trees of the blocks that are Python and more than names and constants."""
    for code in extract_code_blocks(text):
        tree = parse_shallow(code)
        if tree is not None and any(not _is_prose(node) for node in tree.body):
            yield tree


def parse_solution(answer: str) -> ast.Module | None:
    """Return what an answer's blocks define, without examples, asserts and a main part; None if they are no Python."""
    blocks = [code for code in extract_code_blocks(answer) if parse_shallow(code) is not None]
    tree = parse_shallow("\n\n".join(block for block in blocks if ">>> " not in block or "def " in block))
    if tree is None:
        return None
    body = [node for node in tree.body if not isinstance(node, ast.Assert | ast.Expr | ast.If)]
    return ast.Module(body=body, type_ignores=[])


def _is_prose(node: ast.stmt) -> bool:
    """Tell whether a statement is what Python makes of single words of prose."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Name | ast.Constant | ast.Tuple)
