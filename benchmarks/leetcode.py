"""LeetCode contest problems by date: 180 of July 2023 to January 2024, each with a hundred assert tests.

Collected by DeepSeek-Coder (Guo et al. 2024, arXiv 2401.14196): github.com/deepseek-ai/DeepSeek-Coder,
Evaluation/LeetCode. The texts are LeetCode's; they are read from where they are published and never copied.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ..data import DataFile, read_rows
from ..recipes import CHAT, COMPLETION, Recipe
from ..registry import format_variant
from ..types import Asserts, BenchmarkFacts, CodeForm, Limits, Problem, Program
from .livecodebench import is_within, make_empty_window_error, parse_window
from .livecodebench_rules import prepare_functions

METHOD = re.compile(r"my_solution\.(\w+)\(")
MAKE_SOLUTION = "my_solution = Solution()\n"


class LeetCodeDated:
    """The problems of a window of days; `data` is an explicit path of the data file."""

    name = "leetcode-dated"
    environment = "core"
    facts = BenchmarkFacts(
        problems="180",
        judge="Asserts",
        trust="split; two about linked lists in-process",
        licence="texts: LeetCode's",
        published="DeepSeek-Coder's pass@1, greedy",
    )
    options: Mapping[str, str] = {
        "from": "first day of the contests, YYYY-MM-DD",
        "to": "last day of the contests, YYYY-MM-DD",
    }
    slices = ("month", "difficulty")
    recipes: Mapping[str, Recipe] = {
        "chat": replace(
            CHAT,
            name="leetcode-chat",
            description="DeepSeek-Coder's text: the problem and the class to complete, in a fence",
            template="{instruction}",
            strip_problem=False,
            max_tokens=1024,
        ),
        "completion": replace(
            COMPLETION,
            name="leetcode-completion",
            stop=("\nclass ", "\nif __name__", "\nprint("),
            extraction=replace(
                COMPLETION.extraction, name="leetcode-completion", cut_at=("\nclass ", "\nif __name__", "\nprint(")
            ),
        ),
    }
    file = DataFile(
        name="leetcode-dated/leetcode-20240121-Jul.jsonl",
        sha256="392592e537df7ee50b1c683b7e6a0fad4dbd321b432b9513610645cf94554323",
        digest_of="rows",
        origin="github.com/deepseek-ai/DeepSeek-Coder, Evaluation/LeetCode/data/20240121-Jul.jsonl",
        url="https://raw.githubusercontent.com/deepseek-ai/DeepSeek-Coder/main/Evaluation/LeetCode/data/20240121-Jul.jsonl",
    )

    def __init__(self, data: Path | None = None, *, options: Mapping[str, str] | None = None) -> None:
        self._data = data
        self._first, self._last = parse_window(options or {})
        days = {"from": self._first, "to": self._last}
        self.name = format_variant("leetcode-dated", {key: day.isoformat() for key, day in days.items() if day})

    def problems(self) -> Sequence[Problem]:
        """Return the problems of the window in the file's order; `metadata` has `date`, `month` and `difficulty`.

        Raises:
            DataError: as `Benchmark.problems`.
            UsageError: no contest lies in the window.
        """
        rows = read_rows(self.file, self._data)
        moments = [datetime.fromtimestamp(row["start_time"], UTC).replace(tzinfo=None) for row in rows]
        problems_in_window = [
            _parse_problem(row, moment)
            for row, moment in zip(rows, moments, strict=True)
            if is_within(moment, self._first, self._last)
        ]
        if not problems_in_window:
            raise make_empty_window_error(self.name.partition("@")[0], moments)
        return problems_in_window

    def instruction(self, problem: Problem) -> str:
        """Return the text that DeepSeek-Coder gives to chat models."""
        return str(problem.metadata["instruction"])

    def judge(self, problem: Problem) -> Asserts:
        """Return the asserts, which call a function of the judge's in place of the method.

        Two problems build lists of the candidate's own nodes, so their tests run in one interpreter with it.
        """
        name = problem.metadata["method"]
        if "ListNode" in problem.tests:
            return Asserts(tests=problem.tests, split=False)
        calls = problem.tests.replace(MAKE_SOLUTION, "").replace(f"my_solution.{name}(", f"{name}(")
        return Asserts(tests=calls, exposes=(name,))

    def program(self, problem: Problem, code: str, form: CodeForm) -> Program:
        """Return the code with usual imports before it, and the method of one instance as a function."""
        source = problem.prompt + code if form is CodeForm.COMPLETION and "class Solution" not in code else code
        limits = Limits(cpu_time_s=30.0, wall_time_s=90.0, memory_bytes=2 << 30)
        return Program(
            source=prepare_functions(source, problem.metadata["method"]), environment=self.environment, limits=limits
        )


def _parse_problem(row: dict[str, Any], moment: datetime) -> Problem:
    methods = METHOD.findall(row["test"])
    return Problem(
        task_id=f"LeetCode/{row['task_id']}",
        prompt=row["prompt"],
        entry_point="Solution",
        reference="",
        tests=row["test"],
        metadata={
            "instruction": row["prompt_sft"],
            "method": methods[0],
            "difficulty": row["meta"]["difficulty"].lower(),
            "date": moment.date().isoformat(),
            "month": f"{moment:%Y-%m}",
        },
    )
