"""Read result files of other harnesses as rows: program, and verdict if the file has one.

- EvalPlus `*_eval_results.json`: {"eval": {task_id: [{"solution", "base_status", "plus_status"}]}}, evalplus 0.3;
- human-eval `*_results.jsonl`: {"task_id", "completion", "result", "passed"};
- bigcode-evaluation-harness `generations.json`: a list of programs for each problem, in order; no verdicts;
- lm-evaluation-harness `samples_*.jsonl`: {"doc": {"task_id"}, "resps", "filtered_resps", "pass@1"}; the value is the
  document's, so it is a verdict only if a document has one answer.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..data.sample_files import parse_rows, read_unpacked
from ..errors import SamplesError
from ..types import CodeForm, Status

EVALPLUS = {"pass": Status.PASSED, "fail": Status.WRONG_ANSWER, "timeout": Status.TIMEOUT}
LM_EVAL_VALUES = ("pass@1", "pass_at_1", "pass@1,create_test")


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignRow:
    """One answer of a foreign file."""

    task_id: str
    code: str
    form: CodeForm
    raw: str | None = None
    """The model's raw text, if the file keeps it apart from the code."""
    status: Status | None = None
    """None: the file has no verdict."""
    base_status: Status | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignFile:
    """The format and the answers of a file."""

    format: str
    rows: tuple[ForeignRow, ...]


def read(path: Path, task_ids: Sequence[str]) -> ForeignFile:
    """Read the answers of `path` in the format of its content; `task_ids` are the benchmark's, in order.

    Raises:
        SamplesError: the file cannot be read, has none of the formats, or a row does not fit; the row is named.
    """
    data = read_unpacked(path, "results file")
    try:
        name, rows = _detect_format(path, data, task_ids)
        found = tuple(rows)
    except (KeyError, TypeError, IndexError, AttributeError) as error:
        raise SamplesError(f"{path.name}: a row has not the form of its format: {error!r}") from error
    known = set(task_ids)
    for number, row in enumerate(found, start=1):
        if row.task_id not in known:
            raise SamplesError(
                f'{path.name} answer {number}: task_id "{row.task_id}" is not among the benchmark\'s '
                f"{len(task_ids)} ({task_ids[0]} to {task_ids[-1]})"
            )
        if not isinstance(row.code, str):
            raise SamplesError(f"{path.name} answer {number}: the program is {type(row.code).__name__}, not a string")
    if not found:
        raise SamplesError(f"{path.name} holds no answers")
    return ForeignFile(format=name, rows=found)


def _detect_format(path: Path, data: bytes, task_ids: Sequence[str]) -> tuple[str, Iterator[ForeignRow]]:
    try:
        whole = json.loads(data)
    except (ValueError, RecursionError):
        whole = None
    if isinstance(whole, Mapping) and "eval" in whole:
        return "evalplus", _parse_evalplus(whole["eval"])
    if isinstance(whole, list) and all(isinstance(found, list) for found in whole):
        return "bigcode", _parse_bigcode(path, whole, task_ids)
    rows = [row for _, row in parse_rows(path, data)]
    if rows and "resps" in rows[0]:
        return "lm-eval", _parse_lm_eval(rows, task_ids)
    if rows and "passed" in rows[0]:
        return "human-eval", map(_parse_human_eval, rows)
    raise SamplesError(
        f"{path.name} is none of: EvalPlus eval_results.json, human-eval _results.jsonl, bigcode generations.json, "
        "lm-eval samples_*.jsonl; `harness score` takes files of samples alone"
    )


def _parse_evalplus(by_task: Mapping[str, Sequence[Mapping[str, Any]]]) -> Iterator[ForeignRow]:
    for task_id, found in by_task.items():
        for row in found:
            base, plus = EVALPLUS[row["base_status"]], row.get("plus_status")
            # Upstream passes a sample that passes both parts.
            status = base if plus is None or base is not Status.PASSED else EVALPLUS[plus]
            failed = row.get("base_fail_tests") or row.get("plus_fail_tests") or []
            yield ForeignRow(
                task_id=task_id,
                code=row["solution"],
                form=CodeForm.SOLUTION,
                status=status,
                base_status=base,
                detail="" if status is Status.PASSED else f"failed inputs: {json.dumps(failed)[:1000]}",
            )


def _parse_human_eval(row: Mapping[str, Any]) -> ForeignRow:
    passed, result = row["passed"], str(row.get("result", ""))
    status = Status.PASSED if passed else Status.TIMEOUT if result == "timed out" else Status.WRONG_ANSWER
    return ForeignRow(
        task_id=row["task_id"],
        code=row["completion"],
        form=CodeForm.COMPLETION,
        status=status,
        detail="" if passed else result,
    )


def _parse_bigcode(path: Path, found: Sequence[Sequence[str]], task_ids: Sequence[str]) -> Iterator[ForeignRow]:
    if len(found) > len(task_ids):
        raise SamplesError(f"{path.name} has programs for {len(found)} problems; the benchmark has {len(task_ids)}")
    for task_id, programs in zip(task_ids, found, strict=False):
        for program in programs:
            yield ForeignRow(task_id=task_id, code=program, form=CodeForm.SOLUTION)


def _parse_lm_eval(rows: Sequence[Mapping[str, Any]], task_ids: Sequence[str]) -> Iterator[ForeignRow]:
    by_number = {task_id.rpartition("/")[2]: task_id for task_id in task_ids}
    for row in rows:
        name = row["doc"]["task_id"]
        task_id = by_number.get(str(name), str(name)) if isinstance(name, int) else name
        answers, raws = _flatten(row["filtered_resps"]), _flatten(row["resps"])
        value = next((row[key] for key in LM_EVAL_VALUES if key in row), None)
        for at, answer in enumerate(answers):
            status = None
            if len(answers) == 1 and value is not None:
                status = Status.PASSED if value >= 1 else Status.WRONG_ANSWER
            raw = raws[at] if at < len(raws) else None
            yield ForeignRow(task_id=task_id, code=answer, form=CodeForm.SOLUTION, raw=raw, status=status)


def _flatten(found: Any) -> list[str]:
    """Return the strings of nested lists, as filters leave them."""
    if isinstance(found, str):
        return [found]
    return [text for inner in found for text in _flatten(inner)]
