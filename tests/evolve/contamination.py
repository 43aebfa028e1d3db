"""Benchmark solutions in disguise, and honest rows to hide them among."""

from __future__ import annotations

import ast
import builtins

from harness.evolve.records import InstructionRow
from harness.evolve.seeds import read_seeds
from harness.types import Problem

REWRITTEN = {
    "HumanEval/0": """
def any_pair_near(values, limit):
    ordered = sorted(values)
    return any(right - left < limit for left, right in zip(ordered, ordered[1:]))
""",
    "HumanEval/3": """
import itertools

def overdrawn(moves):
    return min(itertools.accumulate(moves, initial=0)) < 0
""",
    "HumanEval/5": """
def between(items, mark):
    if len(items) < 2:
        return list(items)
    return [items[0], mark] + between(items[1:], mark)
""",
    "HumanEval/9": """
class Peaks:
    def so_far(self, values):
        out = []
        for value in values:
            out.append(value if not out or value > out[-1] else out[-1])
        return out
""",
    "HumanEval/25": """
def split_up(n, p=2):
    while n > 1:
        if n % p == 0:
            return [p, *split_up(n // p, p)]
        p += 1
    return []
""",
}
"""Solutions of our own, with another control flow and under other names."""


def row(name: str, code: str, instruction: str = "Write this for me, please.") -> InstructionRow:
    """A row whose answer is `code` in a fence."""
    return InstructionRow(
        id=name, seed_id=name, instruction=instruction, output=f"Here you are:\n\n```python\n{code}\n```"
    )


def whole(problem: Problem) -> str:
    return problem.prompt + problem.reference


def reformatted(code: str) -> str:
    """The same statements without comments and docstrings, laid out anew."""
    tree = ast.parse(code)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and ast.get_docstring(node):
            node.body = node.body[1:] or [ast.Pass()]
    return ast.unparse(tree)


def renamed(code: str) -> str:
    """As `reformatted`, with new names for functions, arguments and variables."""
    tree = ast.parse(reformatted(code))
    own: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            own.setdefault(node.name, f"f{len(own)}")
        elif isinstance(node, ast.arg):
            own.setdefault(node.arg, f"v{len(own)}")
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and not hasattr(builtins, node.id):
            own.setdefault(node.id, f"v{len(own)}")
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            node.name = own.get(node.name, node.name)
        elif isinstance(node, ast.arg):
            node.arg = own.get(node.arg, node.arg)
        elif isinstance(node, ast.Name):
            node.id = own.get(node.id, node.id)
    return ast.unparse(tree)


def honest(count: int) -> list[InstructionRow]:
    """Our seeds, and rows made to be unlike one another."""
    seeds = [
        InstructionRow(id=one.id, seed_id=one.id, instruction=one.instruction, output=one.output)
        for one in read_seeds().seeds
    ]
    made = [
        row(
            f"h{number}",
            f"def report_{number}(readings, limit):\n"
            f"    kept = [value * {number + 3} for value in readings if value > limit]\n"
            f"    return {{'station': 'S{number}', 'kept': kept, 'scale': {number + 3}}}",
            f"Station S{number} scales its readings above a limit by {number + 3}. Report them by name.",
        )
        for number in range(count - len(seeds))
    ]
    return [*seeds, *made]
