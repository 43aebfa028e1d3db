"""BigCodeBench: the module that a program and its tests make, what passes there, and the release's rows."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from harness.benchmarks.bigcodebench import FIELDS, BigCodeBench, BigCodeBenchHard
from harness.errors import DataError, UsageError
from harness.registry import make_benchmark
from harness.sandboxes import open_sandbox
from harness.tasks.recipes import recipe
from harness.tasks.suite import load_suite
from harness.types import CodeForm, Status, Trust

HEADER = "import os\nLIMIT = 10\ndef task_func(a, b):\n"
PROMPT = 'import os\nLIMIT = 10\n\ndef task_func(a, b):\n    """Add two numbers."""\n'
TESTS = """\
import unittest
from unittest.mock import patch

class TestCases(unittest.TestCase):
    def test_sum(self):
        self.assertEqual(task_func(1, 2), 3)
    def test_limit(self):
        self.assertEqual(LIMIT, 10)
    @unittest.skip("not here")
    def test_skipped(self):
        self.fail()
    @patch("__test__.os.getcwd", return_value="/mocked")
    def test_patched(self, _):
        self.assertEqual(os.getcwd(), "/mocked")
"""


class Small(BigCodeBench):
    """One problem of this form, which the environment `core` can run."""

    environment = "core"

    def _read_rows(self) -> list[dict[str, Any]]:
        values = ("Small/0", PROMPT, "Add two numbers.", HEADER, "    return a + b\n", TESTS, "task_func")
        return [dict(zip(FIELDS, values, strict=True))]


SOLUTIONS = {
    "right": ("import os\ndef task_func(a, b):\n    return a + b\n", Status.PASSED),
    "calibrated already": (f"{HEADER}\n    pass\ndef task_func(a, b):\n    return a + b\n", Status.PASSED),
    "wrong": ("def task_func(a, b):\n    return a - b\n", Status.WRONG_ANSWER),
    "another limit": ("LIMIT = 11\ndef task_func(a, b):\n    return a + b\n", Status.WRONG_ANSWER),
    "raises": ("def task_func(a, b):\n    raise ValueError(a)\n", Status.WRONG_ANSWER),
    "raises at once": ("1 / 0\n", Status.RUNTIME_ERROR),
    "no function": ("", Status.WRONG_ANSWER),
    "no syntax": ("def task_func(a, b)\n", Status.RUNTIME_ERROR),
    "main guard": ("def task_func(a, b):\n    return a + b\nif __name__ == '__main__':\n    1 / 0\n", Status.PASSED),
    "exits": ("import sys\nsys.exit(0)\n", Status.RUNTIME_ERROR),
    "exits at once": ("import os\nos._exit(0)\n", Status.RUNTIME_ERROR),
    "exit is gone": ("def task_func(a, b):\n    exit()\n", Status.WRONG_ANSWER),
}


def test_a_program_and_its_tests_are_one_module() -> None:
    benchmark = Small()
    (problem,) = benchmark.problems()
    judge = benchmark.judge(problem)
    work = [(name, benchmark.program(problem, code, CodeForm.SOLUTION), judge) for name, (code, _) in SOLUTIONS.items()]
    work.append(("body", benchmark.program(problem, problem.reference, CodeForm.COMPLETION), judge))

    with open_sandbox("process", environment="core", workers=2) as sandbox:
        found = dict(sandbox.run(work))

    assert {name: outcome.status for name, outcome in found.items()} == {
        **{name: status for name, (_, status) in SOLUTIONS.items()},
        "body": Status.PASSED,
    }
    assert {outcome.trust for outcome in found.values()} == {Trust.IN_PROCESS}
    assert "test_sum" in found["wrong"].detail


def test_the_variant_decides_the_prompt_and_stands_in_the_name() -> None:
    complete, instruct = Small(), Small({"variant": "instruct"})
    (problem,) = complete.problems()

    asked = recipe("chat", complete).build(problem, complete.instruction(problem))
    told = recipe("chat", instruct).build(problem, instruct.instruction(problem))

    lead = "Please provide a self-contained Python script that solves the following problem in a markdown code block:"
    assert asked.messages == (("user", f"{lead}\n```\n{PROMPT.strip()}\n```\n"),)
    assert told.messages == (("user", f"{lead}\nAdd two numbers.\n"),)
    assert asked.prefill == told.prefill != ""
    assert instruct.name == "bigcodebench@variant=instruct"
    with pytest.raises(UsageError, match='--variant is "chat"; bigcodebench has complete, instruct'):
        make_benchmark("bigcodebench@variant=chat")


@pytest.mark.data
def test_the_hard_problems_are_those_of_the_release() -> None:
    problems = load_suite("bigcodebench-hard").problems

    assert len(problems) == 148
    assert set(BigCodeBenchHard.known_failures) < set(problems)


@pytest.mark.data
@pytest.mark.parametrize("form", ["object", "lines"])
def test_rows_come_as_one_object_or_as_lines(form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = {
        problem.task_id: {
            **problem.metadata,
            "task_id": problem.task_id,
            "canonical_solution": problem.reference,
            "test": problem.tests,
            "entry_point": problem.entry_point,
        }
        for problem in BigCodeBenchHard().problems()
    }
    text = json.dumps(rows) if form == "object" else "".join(json.dumps(row) + "\n" for row in rows.values())
    file = tmp_path / "bigcodebench" / "bigcodebench_hard.json"
    file.parent.mkdir()
    monkeypatch.setenv("HARNESS_DATA_DIR", str(tmp_path))

    file.write_bytes(gzip.compress(text.encode()))
    assert len(BigCodeBenchHard().problems()) == 148

    file.write_text(text.replace("return", "yield", 1))
    with pytest.raises(DataError, match=r"bigcodebench_hard.json \(148 rows\) is not that of"):
        BigCodeBenchHard().problems()


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"task_id": "BigCodeBench/1"}\n{}\n', "no JSON", "[1, 2]"])
def test_a_file_of_another_form_is_one_line(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "bigcodebench" / "bigcodebench_hard.json"
    file.parent.mkdir()
    file.write_text(text)
    monkeypatch.setenv("HARNESS_DATA_DIR", str(tmp_path))

    with pytest.raises(DataError) as raised:
        BigCodeBenchHard().problems()
    assert "\n" not in str(raised.value)
    assert "bigcodebench_hard.json" in str(raised.value)
