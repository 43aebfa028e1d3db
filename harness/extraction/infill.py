"""Extract answers that go into one place of a given script.

`clean_answer` is DS-1000's own post-processing, step by step and in its order (github.com/xlang-ai/DS-1000,
test_ds1000.py). It strips nothing, because the place may lie inside a function. `clean_fenced_answer` is ours, for chat
models, whose prose official scoring cannot handle. A missing return statement is not added.
"""

from __future__ import annotations

import ast
import re
import textwrap

from ..types import Problem
from .markdown import find_blocks
from .syntax import parse_python

TAGGED = re.compile(r"<code>(.*?)(?:</code>|\Z)", re.DOTALL)
INDENT = "    "


def clean_answer(text: str) -> str:
    """Apply the official steps: cut at `</code>`, drop "```python", cut at a fence and END SOLUTION, drop `<code>`."""
    text = text.partition("</code>")[0]
    text = text.replace("```python", "")
    text = text.partition("```")[0]
    text = text.partition("\nEND SOLUTION")[0]
    return text.replace("<code>", "")


def clean_fenced_answer(text: str, problem: Problem) -> str:
    """Fit the block that answers to its place, then apply the official steps.

    The last block that assigns or defines `entry_point`, which the problem asks for, counts; otherwise the first block.
    """
    blocks = [block.code for block in find_blocks(text) if block.may_be_python and block.code.strip()]
    if not blocks:
        blocks = [code for code in TAGGED.findall(text) if code.strip()]
    if not blocks:
        return clean_answer(text)
    wanted = re.compile(
        rf"^\s*(?:def[ ]+{re.escape(problem.entry_point)}\b|[^#\n=]*\b{re.escape(problem.entry_point)}"
        r"\b[^#\n=]*=)",
        re.MULTILINE,
    )
    solving = [code for code in blocks if problem.entry_point and wanted.search(code)]
    chosen = solving[-1] if solving else blocks[0]
    if _is_inside_function(problem.prompt):
        return clean_answer(_indent_as_body(chosen, problem.entry_point))
    return clean_answer(textwrap.dedent(chosen))


def _is_inside_function(prompt: str) -> bool:
    """Tell whether the script continues inside a function: the prompt's last line is indented."""
    return prompt.rstrip().rpartition("\n")[2].startswith(" ")


def _indent_as_body(code: str, function: str) -> str:
    """Indent `code` as a function's body; if it defines `function` again, take that definition's body."""
    code = code.replace("\t", INDENT)
    first = next(line for line in code.split("\n") if line.strip())
    if first.startswith(" "):
        return code
    tree = parse_python(code)
    if tree is None:
        return textwrap.indent(code, INDENT)
    lines = code.split("\n")
    body: list[str] = []
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name == function:
            return "\n".join([*body, _extract_body(node, lines)]) + "\n"
        if isinstance(node, ast.Import | ast.ImportFrom):
            body += [INDENT + line for line in lines[node.lineno - 1 : node.end_lineno]]
    return textwrap.indent(code, INDENT)


def _extract_body(node: ast.FunctionDef, lines: list[str]) -> str:
    first = node.body[0]
    if first.lineno == node.lineno:  # all on the line of the def
        return INDENT + lines[first.lineno - 1].encode()[first.col_offset :].decode()
    own = lines[first.lineno - 1 : node.end_lineno]
    return (
        "\n".join(own) if first.col_offset == len(INDENT) else textwrap.indent(textwrap.dedent("\n".join(own)), INDENT)
    )
