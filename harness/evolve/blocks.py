"""The code in an answer: fenced blocks, or the whole text where that is Python."""

from __future__ import annotations

import ast
import re
import textwrap
import warnings
from collections.abc import Iterator

BLOCK = re.compile(r"^[ \t]*```([\w+.-]*)[^\n]*\n(.*?)^[ \t]*```", re.DOTALL | re.MULTILINE)
PYTHON = ("", "py", "python", "python3")


def extract_code_blocks(text: str) -> list[str]:
    """Return the blocks that may be Python, dedented; the text itself if it has no fence."""
    if "```" not in text:
        return [text]
    return [textwrap.dedent(code) for tag, code in BLOCK.findall(text) if tag.lower() in PYTHON]


def parse_blocks(text: str) -> Iterator[ast.Module]:
    """Yield the syntax trees of the blocks that are Python and more than names and constants."""
    for code in extract_code_blocks(text):
        tree = parse_python(code)
        if tree is not None and any(not _is_prose(node) for node in tree.body):
            yield tree


def parse_python(code: str) -> ast.Module | None:
    """Return the syntax tree of `code`; None if it is not Python."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # escapes in other people's strings
        try:
            return ast.parse(code)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return None


def _is_prose(node: ast.stmt) -> bool:
    """Tell whether a statement is what Python makes of single words of prose."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Name | ast.Constant | ast.Tuple)
