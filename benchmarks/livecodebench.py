"""LiveCodeBench: contest problems by date, code generation; functions and scripts that read standard input.

Paper: Jain et al. 2024, arXiv 2403.07974. Data: huggingface.co/datasets/livecodebench/code_generation_lite, files of
0.1 to 1.3 GB. Their digests are not known here: the number of rows is checked, and a run's record has the digest of
the problems that it used.

A script runs as a real process for each case. The authors' checker wraps it in a function, and right programs fail
there; `rule-set=livecodebench` judges so, for published figures. Numbers in functions' values have no tolerance.
Limit: some 17 problems accept several answers, are interactive or have wrong cases, as the authors' errata say.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

from ..data import DataFile, obtain
from ..errors import DataError, UsageError, reason
from ..recipes import CHAT, COMPLETION, WIZARDCODER, Extraction
from ..registry import format_variant
from ..types import BenchmarkFacts, Calls, Case, CodeForm, Limits, Part, Problem, Program, Stdio
from .livecodebench_rules import CHECKER, REFERENCE, prepare_functions, prepare_script
from .packed_cases import read_cases

ORIGIN = "huggingface.co/datasets/livecodebench/code_generation_lite"
ROWS = {"test": 400, "test2": 111, "test3": 101, "test4": 101, "test5": 167, "test6": 175}
RELEASES = {f"v{number}": tuple(ROWS)[:number] for number in range(1, len(ROWS) + 1)}
"""Release -> its files; each has the problems of those before it."""
RULE_SETS = ("process", "livecodebench")
CASE_TIME_S = 6.0
FIELDS = ("question_id", "question_title", "question_content", "contest_date", "platform", "difficulty", "starter_code")

WITH_STARTER = (
    "You will use the following starter code to write the solution to the problem and enclose your code within "
    "delimiters."
)
WITHOUT_STARTER = (
    "Read the inputs from stdin solve the problem and write the answer to stdout (do not directly test on the sample "
    "inputs). Enclose your code within delimiters as follows."
)
EXPERT = (
    "You are an expert Python programmer. You will be given a question (problem specification) and will generate a "
    "correct Python program that matches the specification and passes all tests. You will NOT return anything except "
    "for the program."
)
ENCLOSED = Extraction(name="livecodebench", style="enclosed", form=CodeForm.SOLUTION)
"""The authors' rule."""

RECIPES = {
    "chat": replace(
        CHAT,
        name="livecodebench-chat",
        description="LiveCodeBench's prompt for chat models",
        system=EXPERT,
        template="### Question:\n{instruction}\n\n### Answer: (use the provided format with backticks)\n\n",
        strip_problem=False,
        max_tokens=2000,
        extraction=ENCLOSED,
    ),
    "completion": replace(
        COMPLETION,
        name="livecodebench-completion",
        description="the bare question, for base models; the authors put an example before it",
        stop=("###",),
        max_tokens=2000,
        extraction=Extraction(name="livecodebench-completion", style="verbatim", form=CodeForm.SOLUTION),
    ),
    "wizardcoder": replace(
        WIZARDCODER,
        name="livecodebench-wizardcoder",
        description="WizardCoder's format with LiveCodeBench's question",
        max_tokens=2000,
        indent_to_tab=False,
        extraction=ENCLOSED,
    ),
}


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a row lies: its cases are read when they are needed."""

    path: Path
    offset: int
    length: int


class LiveCodeBench:
    """A release of LiveCodeBench, or the problems of a window of days in it."""

    name = "livecodebench"
    environment = "core"
    hub_dataset = "livecodebench/code_generation_lite"
    facts = BenchmarkFacts(
        problems="400 to 1055",
        judge="Calls, Stdio",
        trust="split",
        licence="not stated",
        published="pass@1 by release and window of days, of ten samples at 0.2",
    )
    options: Mapping[str, str] = {
        "release": f"{', '.join(RELEASES)}; each holds those before it (default: {max(RELEASES)})",
        "from": "first day of the contests, YYYY-MM-DD",
        "to": "last day of the contests, YYYY-MM-DD",
        "rule-set": "process: scripts run as processes (default); livecodebench: as the authors' checker runs them",
    }
    slices = ("month", "platform", "difficulty")
    recipes = RECIPES

    def __init__(self, options: Mapping[str, str] | None = None) -> None:
        given = dict(options or {})
        release, rules = given.pop("release", max(RELEASES)), given.pop("rule-set", RULE_SETS[0])
        if release not in RELEASES:
            raise UsageError(f'--release is "{release}"; livecodebench has {", ".join(RELEASES)}')
        if rules not in RULE_SETS:
            raise UsageError(f'--rule-set is "{rules}"; livecodebench has {", ".join(RULE_SETS)}')
        self.first, self.last = parse_window(given)
        self._wrapped = rules != RULE_SETS[0]
        self.files = tuple(_describe_file(name) for name in RELEASES[release])
        self._places: dict[str, _Place] = {}
        chosen = {
            "release": release if release != max(RELEASES) else "",
            "from": self.first.isoformat() if self.first else "",
            "to": self.last.isoformat() if self.last else "",
            "rule-set": rules if self._wrapped else "",
        }
        self.name = format_variant("livecodebench", chosen)

    def problems(self) -> Sequence[Problem]:
        """Return the problems of the window, in the files' order; `metadata` has `date`, `platform`, `difficulty`.

        Raises:
            DataError: as `Benchmark.problems`.
            UsageError: no contest lies in the window.
        """
        problems_in_window, days = [], []
        for file in self.files:
            path, count = obtain(file), 0
            for place, row in _read_rows(path):
                count += 1
                days.append(row["contest_date"])
                if is_within(row["contest_date"], self.first, self.last):
                    problems_in_window.append(_parse_problem(row))
                    self._places[problems_in_window[-1].task_id] = place
            if count != (expected := ROWS[file.name.removesuffix(".jsonl")]):
                raise DataError(f"{path} has {count} rows, not {expected}: it is of another release of {ORIGIN}")
        if not problems_in_window:
            raise make_empty_window_error("livecodebench", days)
        return problems_in_window

    def instruction(self, problem: Problem) -> str:
        """Return the question and the form of the answer."""
        form = problem.metadata["starter_code"]
        lead, code = (WITH_STARTER, form) if form else (WITHOUT_STARTER, "# YOUR CODE HERE")
        return f"{problem.metadata['question_content']}\n\n### Format: {lead}\n```python\n{code}\n```"

    def judge(self, problem: Problem) -> Calls | Stdio:
        """Return the public cases and then the private ones.

        Raises:
            DataError: they cannot be read.
        """
        if not self._places:
            self.problems()
        row = _read_row(self._places[problem.task_id])
        name = problem.metadata["function"]
        try:
            cases = [*read_cases(row["public_test_cases"]), *read_cases(row["private_test_cases"])]
            if not name:
                given = tuple(Case(given=case["input"], expected=case["output"]) for case in cases)
                return Stdio(cases=given, checker="program", checker_program=CHECKER)
            inputs = [[json.loads(line) for line in case["input"].split("\n")] for case in cases]
            pairs = json.dumps([[given, json.loads(case["output"])] for given, case in zip(inputs, cases, strict=True)])
        except ValueError as error:
            raise DataError(f"{problem.task_id}: {reason(error)}") from error
        return Calls(
            key=f"livecodebench:{problem.task_id}:{problem.metadata['cases']}",
            entry_point=name,
            reference=REFERENCE.format(cases=pairs, name=name),
            parts=(Part(name="base", inputs=inputs),),
            oracle="equal_but_for_tuple",
            min_time_limit_s=CASE_TIME_S,
        )

    def program(self, problem: Problem, code: str, form: CodeForm) -> Program:
        """Return the code with the authors' imports before it; both forms of a sample stand alone."""
        del form
        name = problem.metadata["function"]
        source = prepare_functions(code, name) if name else prepare_script(code, wrapped=self._wrapped)
        limits = Limits(cpu_time_s=CASE_TIME_S, wall_time_s=4 * CASE_TIME_S, memory_bytes=4 << 30)
        return Program(source=source, environment=self.environment, limits=limits)


def parse_window(options: Mapping[str, str]) -> tuple[date | None, date | None]:
    """Return the first and the last day that the options "from" and "to" name.

    Raises:
        UsageError: one is no date, or they are in the wrong order.
    """
    days: list[date | None] = []
    for option in ("from", "to"):
        try:
            days.append(date.fromisoformat(options[option]) if option in options else None)
        except ValueError as error:
            raise UsageError(f'--{option} is "{options[option]}"; write a day as YYYY-MM-DD') from error
    first, last = days
    if first and last and last < first:
        raise UsageError(f"--from is {first} and --to is {last}, which is earlier; exchange them")
    return first, last


def is_within(moment: datetime, first: date | None, last: date | None) -> bool:
    """Tell whether a contest began between the midnights that begin `first` and `last`, as LiveCodeBench counts."""
    midnight = datetime.min.time()
    after = first is None or moment >= datetime.combine(first, midnight)
    return after and (last is None or moment <= datetime.combine(last, midnight))


def make_empty_window_error(name: str, moments: Sequence[datetime]) -> UsageError:
    """Return the error for a window without problems; it names the data's own dates."""
    return UsageError(
        f"no contest of {name} lies in this window; the data's are of {min(moments).date()} to {max(moments).date()}: "
        "change --from or --to"
    )


def _describe_file(name: str) -> DataFile:
    url = f"https://{ORIGIN}/resolve/main/{name}.jsonl"
    return DataFile(name=f"{name}.jsonl", sha256="", origin=ORIGIN, url=url, on_request=True)


def _read_rows(path: Path) -> Iterator[tuple[_Place, dict[str, Any]]]:
    """Yield the rows of a file without keeping them: all are larger than many memories."""
    with path.open("rb") as lines:
        offset = 0
        for number, line in enumerate(lines, 1):
            place, offset = _Place(path, offset, len(line)), offset + len(line)
            if not line.strip():
                continue
            try:
                row = json.loads(line)
                row["contest_date"] = datetime.fromisoformat(row["contest_date"])
                row["function"] = json.loads(row["metadata"]).get("func_name") or ""
                row["cases"] = _digest_cases(row["public_test_cases"] + row["private_test_cases"])
                yield place, {key: row[key] for key in (*FIELDS, "function", "cases")}
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                raise DataError(f"{path}, line {number} is no row of {ORIGIN}: {reason(error)}") from error


def _digest_cases(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _read_row(place: _Place) -> dict[str, Any]:
    with place.path.open("rb") as lines:
        lines.seek(place.offset)
        row: dict[str, Any] = json.loads(lines.read(place.length))
    return row


def _parse_problem(row: Mapping[str, Any]) -> Problem:
    starter = row["starter_code"]
    stub = f"### Starter Code\n{starter}\n\n" if starter else ""
    return Problem(
        task_id=f"LiveCodeBench/{row['question_id']}",
        prompt=f"### Question\n{row['question_content']}\n\n{stub}### Answer\n\n",
        entry_point="Solution" if "class Solution" in starter else row["function"],
        reference="",
        tests="",
        metadata={
            **{key: row[key] for key in (*FIELDS, "function", "cases") if key != "contest_date"},
            "date": row["contest_date"].date().isoformat(),
            "month": row["contest_date"].strftime("%Y-%m"),
        },
    )
