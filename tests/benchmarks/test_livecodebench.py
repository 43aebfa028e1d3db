"""LiveCodeBench on small files of its exact form: windows, releases, both rule sets, and data that does not fit."""

from __future__ import annotations

import base64
import json
import os
import pickle
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.benchmarks.livecodebench import ROWS, LiveCodeBench
from harness.errors import DataError, UsageError
from harness.registry import make_benchmark
from harness.sandboxes import open_sandbox
from harness.tasks.suite import load_suite
from harness.types import CodeForm, Status, Trust, Work
from tests.commands import harness, one_line_error, write_rows

STARTER = "class Solution:\n    def addNumbers(self, a: int, b: int) -> int:\n        "


def make_row(number: int, day: str, cases: list[tuple[str, str]], function: str = "") -> dict[str, Any]:
    """A row with its first case public and the others packed as they are published."""
    kind = "functional" if function else "stdin"
    listed = [{"input": given, "output": output, "testtype": kind} for given, output in cases]
    packed = base64.b64encode(zlib.compress(pickle.dumps(json.dumps(listed[1:])))).decode()
    return {
        "question_title": f"Problem {number}",
        "question_content": f"Add two numbers, {number}.",
        "platform": "leetcode" if function else "atcoder",
        "question_id": str(number),
        "contest_id": "1",
        "contest_date": f"{day}T00:00:00",
        "starter_code": STARTER if function else "",
        "difficulty": "easy",
        "public_test_cases": json.dumps(listed[:1]),
        "private_test_cases": packed,
        "metadata": json.dumps({"func_name": function} if function else {}),
    }


STDIN = [("1 2\n", "3\n"), ("10 20\n", "30\n")]
FUNCTIONAL = [("1\n2", "3"), ("10\n20", "30")]


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the first two files, one problem a day from May 2023 on; the first asks for a function."""
    monkeypatch.setenv("HARNESS_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("HARNESS_CACHE_DIR", str(tmp_path / "cache"))
    number = 0
    for name in ("test", "test2"):
        rows = []
        for _ in range(ROWS[name]):
            day = f"{2023 + (number // 28 + 4) // 12}-{(number // 28 + 4) % 12 + 1:02}-{number % 28 + 1:02}"
            function = "addNumbers" if number == 0 else ""
            rows.append(make_row(number, day, FUNCTIONAL if function else STDIN, function))
            number += 1
        write_rows(tmp_path / f"{name}.jsonl", rows)
    return tmp_path


def name_of(**options: str) -> str:
    return str(LiveCodeBench(options).name)


def test_a_release_holds_those_before_it(data: Path) -> None:
    assert len(load_suite("livecodebench@release=v1").problems) == 400
    assert len(load_suite("livecodebench@release=v2").problems) == 511


def test_a_window_counts_days_as_the_authors_do(data: Path) -> None:
    chosen = make_benchmark("livecodebench@release=v1,from=2023-05-03,to=2023-05-05").problems()

    assert [problem.metadata["date"] for problem in chosen] == ["2023-05-03", "2023-05-04", "2023-05-05"]
    assert {problem.metadata["month"] for problem in chosen} == {"2023-05"}


def test_a_name_tells_what_differs_from_the_default() -> None:
    assert name_of() == "livecodebench"
    assert name_of(release="v6", **{"rule-set": "process"}) == "livecodebench"
    assert name_of(to="20240131", release="v2") == "livecodebench@release=v2,to=2024-01-31"
    assert name_of(**{"rule-set": "livecodebench"}) == "livecodebench@rule-set=livecodebench"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"release": "v9"}, '--release is "v9"; livecodebench has v1, v2, v3, v4, v5, v6'),
        ({"from": "May 2023"}, '--from is "May 2023"; write a day as YYYY-MM-DD'),
        ({"from": "2024-02-01", "to": "2024-01-01"}, "--from is 2024-02-01 and --to is 2024-01-01, which is earlier"),
        ({"rule-set": "theirs"}, '--rule-set is "theirs"; livecodebench has process, livecodebench'),
    ],
)
def test_an_option_that_does_not_fit_is_one_line(options: dict[str, str], said: str) -> None:
    with pytest.raises(UsageError) as raised:
        LiveCodeBench(options)
    assert said in str(raised.value)


@pytest.mark.parametrize(
    "name", ["livecodebench@", "livecodebench@from", "livecodebench@from=", "livecodebench@from=a,from=b"]
)
def test_a_name_of_another_form_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="OPTION=VALUE"):
        make_benchmark(name)


def test_an_option_that_a_benchmark_lacks_is_refused() -> None:
    with pytest.raises(UsageError, match='"humaneval" has no option "from"; it has none'):
        make_benchmark("humaneval@from=2024-01-01")
    with pytest.raises(UsageError, match='"livecodebench" has no option "form"; it has release, from, to, rule-set'):
        make_benchmark("livecodebench@form=2024-01-01")


def test_an_empty_window_names_the_datas_dates(data: Path) -> None:
    with pytest.raises(UsageError, match="2023-05-01 to 2024-07-08"):
        load_suite("livecodebench@release=v1,from=2030-01-01")


def test_data_of_another_release_is_refused(data: Path) -> None:
    file = data / "test.jsonl"
    file.write_text("".join(file.read_text().splitlines(keepends=True)[:-1]))

    with pytest.raises(DataError, match=r"test\.jsonl has 399 rows, not 400"):
        load_suite("livecodebench@release=v1")


@pytest.mark.parametrize("field", ["contest_date", "metadata", "private_test_cases", "question_id"])
def test_a_row_that_lacks_a_field_is_named(data: Path, field: str) -> None:
    file = data / "test.jsonl"
    first, *rest = file.read_text().splitlines(keepends=True)
    row = {key: value for key, value in json.loads(first).items() if key != field}
    file.write_text("".join([json.dumps(row) + "\n", *rest]))

    with pytest.raises(DataError, match=f"test.jsonl, line 1 is no row .*{field}"):
        load_suite("livecodebench@release=v1")


def test_a_private_case_that_is_no_string_is_a_data_error(data: Path) -> None:
    file = data / "test.jsonl"
    first, *rest = file.read_text().splitlines(keepends=True)
    packed = base64.b64encode(zlib.compress(pickle.dumps(os.system))).decode()
    file.write_text("".join([json.dumps(json.loads(first) | {"private_test_cases": packed}) + "\n", *rest]))

    benchmark = make_benchmark("livecodebench@release=v1")
    with pytest.raises(DataError, match="LiveCodeBench/0: the pickle of test cases is no string"):
        benchmark.judge(benchmark.problems()[0])


def judge(codes: dict[str, tuple[int, str]], rules: str = "process") -> dict[str, tuple[Status, Trust]]:
    """Judge programs by (problem's number, code)."""
    benchmark = LiveCodeBench({"release": "v1", "to": "2023-05-05", "rule-set": rules})
    problems = {int(problem.metadata["question_id"]): problem for problem in benchmark.problems()}

    def work() -> Iterator[Work]:
        for name, (number, code) in codes.items():
            problem = problems[number]
            yield name, benchmark.program(problem, code, CodeForm.SOLUTION), benchmark.judge(problem)

    with open_sandbox("process", environment="core", workers=2) as sandbox:
        return {name: (outcome.status, outcome.trust) for name, outcome in sandbox.run(work())}


METHODS = {
    "right": ("return a + b", True),
    "a tuple": ("return (a + b,)", False),
    "a float": ("return float(a + b)", True),
    "nearly": ("return a + b + 1e-9", False),
    "wrong": ("return a - b", False),
    "text": ("return str(a + b)", False),
    "equals everything": ("return type('E', (int,), {'__eq__': lambda *_: True})(7)", False),
    "uses what is imported": ("return reduce(operator.add, [a, b])", True),
    "exits": ("import os; os._exit(0)", False),
}


def test_methods_are_compared_as_json(data: Path) -> None:
    codes = {name: (0, STARTER + body) for name, (body, _) in METHODS.items()}
    codes["a function"] = (0, "def addNumbers(a, b):\n    return a + b")
    codes["another name"] = (0, "def add_numbers(a, b):\n    return a + b")

    found = judge(codes)

    passed = {name for name, (status, _) in found.items() if status is Status.PASSED}
    assert passed == {name for name, (_, right) in METHODS.items() if right} | {"a function"}
    assert {trust for _, trust in found.values()} == {Trust.SPLIT}


READ = "a, b = map(int, input().split())\n"
SCRIPTS = {  # name: (script, passes as a process, passes by the authors' checker)
    "plain": (READ + "print(a + b)", True, True),
    "wrong": (READ + "print(a - b)", False, False),
    "decimals are numbers": (READ + "print(f'{a + b}.0')", True, True),
    "exponents are numbers": (READ + "print(f'{a + b}e0')", True, True),
    "no tolerance": (READ + "print(a + b + 1e-9)", False, False),
    "white space around": (READ + "print(f'  {a + b}  ')\nprint()", True, True),
    "a line more": (READ + "print(a + b)\nprint('.')", False, False),
    "an empty line within": (READ + "print('3\\n\\n3')", False, False),
    "main guard": (f"if __name__ == '__main__':\n    {READ}    print(a + b)", True, True),
    "a guard that is not last": (f"if __name__ == '__main__':\n    {READ}    print(a + b)\npass", True, False),
    "global at top level": (f"global a\n{READ}print(a + b)", True, True),
    "a function's global": (
        f"total = 0\ndef f():\n    global total\n    {READ}    total += a + b\nf()\nprint(total)",
        True,
        False,
    ),
    "lines of stdin": ("import sys\nfor line in sys.stdin:\n    print(sum(map(int, line.split())))", True, False),
    "buffer": ("import sys\nprint(sum(map(int, sys.stdin.buffer.read().split())))", True, True),
    "open(0)": ("print(sum(map(int, open(0).read().split())))", True, False),
    "leaves early": (READ + "print(a + b)\nexit()", True, True),
    "leaves by sys": ("import sys\n" + READ + "print(a + b)\nsys.exit(0)", True, True),
    "raises": (READ + "print(a + b)\nraise ValueError", False, False),
    "a class": ("class Solution:\n    pass\n" + READ + "print(a + b)", True, False),
    "no import": (READ + "print(reduce(lambda x, y: x + y, [a, b]))", True, True),
    "future": ("from __future__ import annotations\n" + READ + "print(a + b)", True, False),
    "no syntax": ("a b", False, False),
}


@pytest.mark.parametrize("rules", ["process", "livecodebench"])
def test_scripts_are_judged_by_the_rules_that_are_named(data: Path, rules: str) -> None:
    codes = {name: (1, script) for name, (script, _, _) in SCRIPTS.items()}

    found = judge(codes, rules)

    passed = {name for name, (status, _) in found.items() if status is Status.PASSED}
    column = 1 if rules == "process" else 2
    assert passed == {name for name, row in SCRIPTS.items() if row[column]}


def test_the_command_line_judges_a_window_and_says_so(data: Path, tmp_path: Path) -> None:
    rows = [{"task_id": f"LiveCodeBench/{number}", "solution": READ + "print(a + b)"} for number in range(1, 40)]
    function = {"task_id": "LiveCodeBench/0", "solution": f"{STARTER}return a + b"}
    samples = write_rows(tmp_path / "samples.jsonl", [function, *rows])
    window = ("--release", "v1", "--from", "2023-05-01", "--to", "2023-06-12")

    run = tmp_path / "run"

    done = harness("score", samples, "-b", "livecodebench", *window, "--sandbox", "process", "--out", run)

    assert done.returncode == 0, done.stderr
    assert "livecodebench@release=v1,from=2023-05-01,to=2023-06-12 pass@1" in done.stdout
    assert "100.0 %" in done.stdout
    assert "base pass@1" not in done.stdout  # neither scripts nor functions have a base part
    by_month = {
        row["group"] for row in json.loads((tmp_path / "run/scores.json").read_text())["slices"] if row["by"] == "month"
    }
    assert by_month == {"2023-05", "2023-06"}
    other = harness(
        "score", samples, "-b", "livecodebench", "--release", "v1", "--sandbox", "process", "--out", tmp_path / "run"
    )
    assert other.returncode == 2
    assert "livecodebench" in one_line_error(other)


def test_an_option_that_no_benchmark_has_is_one_line(tmp_path: Path) -> None:
    samples = write_rows(tmp_path / "samples.jsonl", [{"task_id": "HumanEval/0", "completion": ""}])

    done = harness("score", samples, "-b", "humaneval", "--from", "2024-01-01", "--sandbox", "process")

    assert done.returncode == 2
    assert 'no benchmark of humaneval has the option "from"' in one_line_error(done)
