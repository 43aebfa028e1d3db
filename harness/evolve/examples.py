"""Examples that stand beside an answer, run against the answer's code in the sandbox.

An example is a doctest (`>>> call` and what it gives) or an assert, in the instruction or the answer, that calls a
function the answer defines. Verdicts are kept in the ledger: a resumed run does not depend on them a second time.
"""

from __future__ import annotations

import ast
import doctest
from collections.abc import Iterator, Mapping, Sequence

from ..extraction.syntax import parse_shallow
from .blocks import parse_solution
from .programs import ProgramRunner, TestedProgram
from .records import InstructionRow


class ExampleRunner:
    """Runs the examples of rows: by row id, what is wrong; rows without examples have no entry."""

    def __init__(self, run: ProgramRunner) -> None:
        self._run = run

    def __call__(self, rows: Sequence[InstructionRow]) -> Mapping[str, str]:
        """Run what is not in the ledger yet.

        Raises:
            SandboxUnavailable: there is no sandbox, or it failed on a program.
        """
        return self._run({row.id: program for row in rows if (program := build_program(row))})


def build_program(row: InstructionRow) -> TestedProgram | None:
    """Return the answer's code and its examples as asserts; None if there are no examples, or no Python."""
    tree = parse_solution(row.output)
    if tree is None:
        return None
    defined = {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    tests = dict.fromkeys(example for text in (row.whole, row.output) for example in extract_asserts(text, defined))
    if not defined or not tests:
        return None
    return TestedProgram(source=ast.unparse(tree), tests="\n".join(tests))


def extract_asserts(text: str, defined: set[str]) -> Iterator[str]:
    """Yield the examples in `text` that call one of the functions `defined`, as asserts."""
    for line in text.splitlines():
        tree = parse_shallow(line.strip()) if line.strip().startswith("assert ") else None
        if tree and _calls(tree, defined):
            yield line.strip()
    try:
        found = doctest.DocTestParser().get_examples(text)
    except ValueError:
        return  # prompts without the blanks that doctest asks for
    for example in found:
        tree = parse_shallow(example.source.strip())
        if tree is None or not _calls(tree, defined) or not isinstance(tree.body[0], ast.Expr) or not example.want:
            continue
        wanted = example.want.strip()
        value = parse_shallow(wanted)
        if value and isinstance(value.body[0], ast.Expr) and "Traceback" not in wanted:
            yield f"assert {ast.unparse(tree.body[0])} == {ast.unparse(value.body[0])}"


def _calls(tree: ast.Module, defined: set[str]) -> bool:
    return any(isinstance(node, ast.Name) and node.id in defined for node in ast.walk(tree))
