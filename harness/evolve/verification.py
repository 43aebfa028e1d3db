"""Tests that the teacher writes beside its answer, in a request of its own: it is told the functions, not their code.

An answer that fails its own tests is thrown away, and so are tests that functions without a body pass. The others stay
with their rows as reward material. Tests that share the answer's mistake are not found.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Mapping
from typing import Any

from ..extraction.syntax import parse_shallow
from .blocks import extract_code_blocks, parse_solution
from .elimination import RejectionReason
from .programs import TestedProgram
from .records import InstructionRow

Function = ast.FunctionDef | ast.AsyncFunctionDef
Run = Callable[[Mapping[str, TestedProgram]], Mapping[str, str]]
"""Runs programs, as `programs.ProgramRunner`: by name, what is wrong."""
Failure = tuple[RejectionReason, str]
"""A reason with its detail."""


def describe_interface(answer: str) -> str:
    """Return the heads of an answer's functions, a line each; "" if it defines none."""
    return "\n".join(f"def {node.name}({ast.unparse(node.args)})" for node in _list_functions(answer).values())


def extract_tests(reply: str, answer: str) -> str:
    """Return the tests in a reply as Python source; "" if they assert nothing about the answer's functions."""
    functions = _list_functions(answer)
    trees = [tree for code in extract_code_blocks(reply) if (tree := parse_shallow(code)) is not None]
    body = [node for tree in trees for node in tree.body if _is_wanted(node, functions)]
    written = [node.name for node in body if isinstance(node, ast.FunctionDef) and node.name.startswith("test")]
    tests = "\n".join([*map(ast.unparse, body), *(f"{name}()" for name in written)])
    asserts = [node for one in body for node in ast.walk(one) if isinstance(node, ast.Assert)]
    called = {node.id for one in asserts for node in ast.walk(one) if isinstance(node, ast.Name)}
    return tests if called & set(functions) else ""


def find_failures(rows: Mapping[str, InstructionRow], run: Run) -> dict[str, Failure]:
    """Return why rows with tests are thrown away, by row id."""
    programs, empty = {}, {}
    for row_id, row in rows.items():
        tree = parse_solution(row.output)
        assert tree is not None
        exposes = _list_exposed(row)
        programs[row_id] = TestedProgram(source=ast.unparse(tree), tests=row.tests, exposes=exposes)
        empty[f"{row_id}, empty"] = TestedProgram(source=_empty_bodies(tree), tests=row.tests, exposes=exposes)
    wrong = run({**programs, **empty})
    failures: dict[str, Failure] = {}
    for row_id in rows:
        if wrong[row_id]:
            failures[row_id] = RejectionReason.TESTS, wrong[row_id]
        elif not wrong[f"{row_id}, empty"]:
            failures[row_id] = RejectionReason.WEAK_TESTS, rows[row_id].tests[:300]
    return failures


def build_problem(row: InstructionRow) -> dict[str, Any]:
    """Return a row with tests as `harness.rewards` and `harness finetune --method grpo` take it."""
    tree = parse_solution(row.output)
    assert tree is not None
    problem = {"kind": "tests", "tests": row.tests, "exposes": list(_list_exposed(row)), "reference": ast.unparse(tree)}
    return {"id": row.id, "instruction": row.instruction, "input": row.input, "problem": problem}


def _list_functions(answer: str) -> dict[str, Function]:
    tree = parse_solution(answer)
    found = [node for node in (tree.body if tree else ()) if isinstance(node, Function)]
    return {node.name: node for node in found if not node.name.startswith("_")}


def _list_exposed(row: InstructionRow) -> tuple[str, ...]:
    """Return the answer's functions that its tests name."""
    tree = parse_shallow(row.tests)
    named = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)} if tree else set()
    return tuple(name for name in _list_functions(row.output) if name in named)


def _is_wanted(node: ast.stmt, functions: Mapping[str, Function]) -> bool:
    """Tell whether a statement belongs to tests; a solution that is repeated, its import and a main part do not."""
    if isinstance(node, Function | ast.ClassDef):
        return node.name not in functions
    if isinstance(node, ast.ImportFrom):
        return not {alias.name for alias in node.names} & {*functions, "*"}
    return not isinstance(node, ast.If)


def _empty_bodies(tree: ast.Module) -> str:
    """Return a program's source with functions that do nothing."""
    empty = copy.deepcopy(tree)
    for node in ast.walk(empty):
        if isinstance(node, Function):
            node.body = [ast.Pass()]
    return ast.unparse(empty)
