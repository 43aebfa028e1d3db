"""Examples that stand beside an answer, run against the answer's code in the sandbox.

An example is a doctest (`>>> call` and what it gives) or an assert, in the instruction or the answer, that calls a
function the answer defines. Verdicts are kept in the ledger: a resumed run does not depend on them a second time.
"""

from __future__ import annotations

import ast
import doctest
import hashlib
from collections.abc import Iterator, Mapping, Sequence

from ..errors import SandboxUnavailable
from ..extraction.syntax import parse_shallow
from ..sandboxes import open_sandbox
from ..sandboxes.judges import program_tests
from ..types import Limits, Program, Status, Work
from .blocks import extract_code_blocks
from .ledger import Ledger
from .records import InstructionRow

ENVIRONMENT = "core"


class ExampleRunner:
    """Runs the examples of rows: by row id, what is wrong; rows without examples have no entry."""

    def __init__(self, ledger: Ledger, sandbox: str | None, workers: int | None) -> None:
        self._ledger, self._sandbox, self._workers = ledger, sandbox, workers

    def __call__(self, rows: Sequence[InstructionRow]) -> Mapping[str, str]:
        """Run what is not in the ledger yet.

        Raises:
            SandboxUnavailable: there is no sandbox, or it failed on a program.
        """
        programs = {row.id: program for row in rows if (program := build_program(row))}
        keys = {row_id: _compute_key(*program) for row_id, program in programs.items()}
        new = {keys[row_id]: program for row_id, program in programs.items() if keys[row_id] not in self._verdicts}
        if new:
            self._run(new)
        return {row_id: self._verdicts[key] for row_id, key in keys.items()}

    @property
    def _verdicts(self) -> Mapping[str, str]:
        return self._ledger.verdicts

    def _run(self, programs: Mapping[str, tuple[str, str]]) -> None:
        with open_sandbox(self._sandbox, environment=ENVIRONMENT, workers=self._workers) as sandbox:
            for key, outcome in sandbox.run(_build_work(programs)):
                if outcome.status is Status.INFRASTRUCTURE:
                    raise SandboxUnavailable(f"the sandbox failed on an answer's examples: {outcome.detail}")
                verdict = "" if outcome.status is Status.PASSED else f"{outcome.status}: {outcome.detail[:300]}"
                self._ledger.record_verdict(str(key), verdict)


def build_program(row: InstructionRow) -> tuple[str, str] | None:
    """Return the answer's code and its examples as asserts; None if there are no examples, or no Python."""
    blocks = [code for code in extract_code_blocks(row.output) if parse_shallow(code) is not None]
    code = "\n\n".join(block for block in blocks if ">>> " not in block or "def " in block)
    tree = parse_shallow(code)
    if tree is None:
        return None
    defined = {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    tests = dict.fromkeys(example for text in (row.whole, row.output) for example in extract_asserts(text, defined))
    if not defined or not tests:
        return None
    body = [node for node in tree.body if not isinstance(node, ast.Assert | ast.Expr | ast.If)]
    return ast.unparse(ast.Module(body=body, type_ignores=[])), "\n".join(tests)


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


def _build_work(programs: Mapping[str, tuple[str, str]]) -> Iterator[Work]:
    for key, (source, tests) in programs.items():
        program = Program(source=source, environment=ENVIRONMENT, limits=Limits(cpu_time_s=5.0, wall_time_s=20.0))
        yield key, program, program_tests(f"\n{tests}\n")


def _compute_key(source: str, tests: str) -> str:
    return hashlib.sha256(f"{source}\0{tests}".encode()).hexdigest()
