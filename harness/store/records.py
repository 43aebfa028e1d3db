"""Samples and verdicts as the JSON rows they are stored as, and back.

Others read these files: a field may be added, none renamed or removed.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from enum import Enum
from typing import Any, TypeVar

from ..types import CodeForm, Completion, Outcome, Sample, Status, Trust, Verdict
from .cleaning import one_line

Key = tuple[str, str, int]
"""(benchmark, task_id, index): what addresses a sample and its verdict."""


MOST_SAMPLES = 10_000_000
"""Of a problem: a larger index is a damaged row."""
VALUE_SHOWN = 80
"""Characters of a damaged value that a message shows."""
Choice = TypeVar("Choice", bound=Enum)


def key_of(record: Sample | Verdict) -> Key:
    """The address of a sample or a verdict."""
    return record.benchmark, record.task_id, record.index


def sample_row(sample: Sample) -> dict[str, Any]:
    """`sample` as it is stored."""
    completion = sample.completion
    return {
        "benchmark": sample.benchmark,
        "task_id": sample.task_id,
        "index": sample.index,
        "raw": completion.text,
        "code": sample.code,
        "form": sample.form.value,
        "finish_reason": completion.finish_reason,
        "prompt_tokens": completion.prompt_tokens,
        "completion_tokens": completion.completion_tokens,
        "seed": completion.seed,
    }


def sample_from(row: Mapping[str, Any]) -> Sample:
    """Return the sample stored as `row`; KeyError, ValueError or TypeError where it is none."""
    _check_object(row)
    numbers = ("finish_reason", "prompt_tokens", "completion_tokens", "seed")
    return Sample(
        benchmark=_text(row, "benchmark"),
        task_id=_text(row, "task_id"),
        index=_index(row),
        completion=Completion(text=_text(row, "raw"), **{name: row.get(name) for name in numbers}),
        code=_text(row, "code"),
        form=_member(CodeForm, row, "form"),
    )


def verdict_row(verdict: Verdict) -> dict[str, Any]:
    """Return `verdict` as it is stored."""
    address = {"benchmark": verdict.benchmark, "task_id": verdict.task_id, "index": verdict.index}
    return {**address, **outcome_row(verdict)}


def verdict_from(row: Mapping[str, Any]) -> Verdict:
    """Return the verdict stored as `row`; KeyError, ValueError or TypeError where it is none."""
    _check_object(row)
    return Verdict.on(_text(row, "benchmark"), _text(row, "task_id"), _index(row), outcome_from(row))


def outcome_row(outcome: Outcome) -> dict[str, Any]:
    """Return `outcome` as it is stored; `base_status` and `uncarried` only where there is one."""
    row: dict[str, Any] = {
        "status": outcome.status.value,
        "detail": outcome.detail,
        "cpu_time_s": round(outcome.cpu_time_s, 6),
        "wall_time_s": round(outcome.wall_time_s, 6),
        "peak_memory_bytes": outcome.peak_memory_bytes,
        "trust": outcome.trust.value,
    }
    if outcome.base_status is not None:
        row["base_status"] = outcome.base_status.value
    if outcome.uncarried:
        row["uncarried"] = outcome.uncarried
    return row


def outcome_from(row: Mapping[str, Any]) -> Outcome:
    """Return the outcome stored as `row`; KeyError, ValueError or TypeError where it is none."""
    return Outcome(
        status=_member(Status, row, "status"),
        detail=_text(row, "detail"),
        cpu_time_s=_amount(row, "cpu_time_s"),
        wall_time_s=_amount(row, "wall_time_s"),
        peak_memory_bytes=_amount(row, "peak_memory_bytes"),
        trust=_member(Trust, row, "trust"),
        base_status=_member(Status, row, "base_status") if "base_status" in row else None,
        uncarried=_text(row, "uncarried") if "uncarried" in row else "",
    )


def _check_object(row: object) -> None:
    if not isinstance(row, Mapping):
        raise TypeError(f"the row is {_shown(row)}; it must be an object")


def _index(row: Mapping[str, Any]) -> int:
    index = row["index"]
    if type(index) is not int or not 0 <= index < MOST_SAMPLES:
        raise ValueError(f"index is {_shown(index)}; it must be a whole number from 0 to {MOST_SAMPLES - 1}")
    return index


def _text(row: Mapping[str, Any], name: str) -> str:
    value = row[name]
    if not isinstance(value, str):
        raise TypeError(f"{name} is {_shown(value)}; it must be a text")
    return value


def _amount(row: Mapping[str, Any], name: str) -> Any:
    value = row[name]
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:
        raise TypeError(f"{name} is {_shown(value)}; it must be a number, 0 or more")
    return value


def _member(kind: type[Choice], row: Mapping[str, Any], name: str) -> Choice:
    try:
        return kind(row[name])
    except ValueError as error:
        choices = ", ".join(str(member.value) for member in kind)
        raise ValueError(f"{name} is {_shown(row[name])}; it must be one of {choices}") from error


def _shown(value: object) -> str:
    """Return a value of a row as a message shows it."""
    return one_line(json.dumps(value), VALUE_SHOWN)
