"""Contest problems of real dates: the window, and tests that call a method through the judge's function."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from harness.errors import UsageError
from harness.registry import make_benchmark
from harness.sandboxes import open_sandbox
from harness.types import CodeForm, Status, Trust
from tests.commands import harness, write_rows

pytestmark = pytest.mark.data

PUSHES = "LeetCode/weekly-contest-381-minimum-number-of-pushes-to-type-word-i"
RIGHT = """
class Solution:
    def minimumPushes(self, word: str) -> int:
        return sum(index // 8 + 1 for index in range(len(word)))
"""
EQUALS_EVERYTHING = "type('E', (int,), {'__eq__': lambda *_: True})(1)"
DOUBLE = "LeetCode/weekly-contest-358-double-a-number-represented-as-a-linked-list"
LISTS = """
class ListNode:
    def __init__(self, val=0, next=None):
        self.val, self.next = val, next


class Solution:
    def doubleIt(self, head):
        digits = ""
        while head:
            digits, head = digits + str(head.val), head.next
        for digit in reversed(str(2 * int(digits))):
            head = ListNode(int(digit), head)
        return head
"""


def test_the_window_takes_whole_days_and_nothing_else() -> None:
    whole = make_benchmark("leetcode-dated").problems()
    by_month = Counter(problem.metadata["month"] for problem in whole)

    assert len(whole) == 180
    assert sorted(by_month) == ["2023-07", "2023-08", "2023-09", "2023-10", "2023-11", "2023-12", "2024-01"]
    for month in ("2023-08", "2023-10"):
        chosen = make_benchmark(f"leetcode-dated@from={month}-01,to={month[:5]}{int(month[5:]) + 1:02}-01").problems()
        assert len(chosen) == by_month[month]
    with pytest.raises(UsageError, match="2023-07-02 to 2024-01-21"):
        make_benchmark("leetcode-dated@from=2025-01-01").problems()


def test_a_method_is_judged_apart_from_its_tests() -> None:
    benchmark = make_benchmark("leetcode-dated")
    problems = {problem.task_id: problem for problem in benchmark.problems()}
    codes = {
        "right": (PUSHES, RIGHT),
        "wrong": (PUSHES, RIGHT.replace("+ 1", "+ 2")),
        "a body": (PUSHES, RIGHT.partition("int:\n        ")[2]),
        "equals everything": (
            PUSHES,
            RIGHT.replace("return", "return type('E', (int,), {'__eq__': lambda *_: True})(1) or"),
        ),
        "exits": (PUSHES, "import os\nclass Solution:\n    def minimumPushes(self, word):\n        os._exit(0)"),
        "lists": (DOUBLE, LISTS),
        "wrong lists": (DOUBLE, LISTS.replace("2 *", "3 *")),
    }
    work = [
        (name, benchmark.program(problems[task], code, CodeForm.COMPLETION), benchmark.judge(problems[task]))
        for name, (task, code) in codes.items()
    ]

    with open_sandbox("process", environment="core", workers=2) as sandbox:
        found = dict(sandbox.run(work))

    assert {name for name, outcome in found.items() if outcome.status is Status.PASSED} == {"right", "a body", "lists"}
    in_process = {name for name, outcome in found.items() if outcome.trust is Trust.IN_PROCESS}
    assert in_process == {"lists", "wrong lists"}


def test_a_score_is_told_by_month(tmp_path: Path) -> None:
    window = {"from": "2024-01-21", "to": "2024-01-22"}
    problems = make_benchmark(f"leetcode-dated@from={window['from']},to={window['to']}").problems()
    rows = [{"task_id": problem.task_id, "solution": RIGHT} for problem in problems]
    samples = write_rows(tmp_path / "samples.jsonl", rows)

    done = harness(
        *("score", samples, "-b", "leetcode-dated", "--from", window["from"], "--to", window["to"]),
        *("--sandbox", "process", "--out", tmp_path / "run"),
    )

    assert done.returncode == 0, done.stderr
    slices = json.loads((tmp_path / "run/scores.json").read_text())["slices"]
    assert [row["value"] for row in slices if row["group"] == "2024-01"] == [1 / len(problems)]
    assert "leetcode-dated@from=2024-01-21,to=2024-01-22 by month" in (tmp_path / "run/report.html").read_text()
