"""The code in an answer: fenced blocks, or the whole text where that is Python."""

from __future__ import annotations

import ast
import re
import textwrap
import warnings
from collections.abc import Iterator

BLOCK = re.compile(r"^[ \t]*```([\w+.-]*)[^\n]*\n(.*?)^[ \t]*```", re.DOTALL | re.MULTILINE)
PYTHON = ("", "py", "python", "python3")


def code_blocks(text: str) -> list[str]:
    """Blocks that may be Python, dedented; the text itself where it has no fence at all."""
    if "```" not in text:
        return [text]
    return [textwrap.dedent(code) for tag, code in BLOCK.findall(text) if tag.lower() in PYTHON]


def python_trees(text: str) -> Iterator[ast.Module]:
    """The syntax trees of the blocks that are Python and more than names and constants."""
    for code in code_blocks(text):
        tree = parsed(code)
        if tree is not None and any(not _prose(node) for node in tree.body):
            yield tree


def parsed(code: str) -> ast.Module | None:
    """The syntax tree of `code`; None where it is no Python."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # escapes in other people's strings
        try:
            return ast.parse(code)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return None


def _prose(node: ast.stmt) -> bool:
    """Whether a statement is what single words of prose are to Python."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Name | ast.Constant | ast.Tuple)
