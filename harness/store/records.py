"""Convert samples and verdicts to the JSON rows that store them, and back.

Other programs read these files: a field may be added, but none renamed or removed.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from enum import Enum
from typing import Any, TypeVar

from ..types import CodeForm, Completion, Outcome, Sample, Status, Trust, Verdict
from .cleaning import format_line

SampleKey = tuple[str, str, int]
"""(benchmark, task_id, index) of a sample and its verdict."""


MOST_SAMPLES = 10_000_000
"""Limit of samples per problem; a larger index means a damaged row."""
VALUE_SHOWN = 80
"""Characters of a damaged value in an error message."""
Choice = TypeVar("Choice", bound=Enum)


def build_key(record: Sample | Verdict) -> SampleKey:
    """Return the key of a sample or a verdict."""
    return record.benchmark, record.task_id, record.index


def serialize_sample(sample: Sample) -> dict[str, Any]:
    """Return the row that stores `sample`; what says how the code came about is left out if there is nothing to say."""
    completion = sample.completion
    row: dict[str, Any] = {
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
    if completion.reasoning:
        row["reasoning"] = completion.reasoning
    if completion.reasoning_tokens is not None:
        row["reasoning_tokens"] = completion.reasoning_tokens
    if sample.extraction is not None:
        row["extraction"] = dict(sample.extraction)
    if sample.shared_with:
        row["shared_with"] = sample.shared_with
    return row


def parse_sample(row: Mapping[str, Any]) -> Sample:
    """Parse the sample stored as `row`; raise KeyError, ValueError or TypeError if it is damaged."""
    _check_object(row)
    numbers = ("finish_reason", "prompt_tokens", "completion_tokens", "seed", "reasoning_tokens")
    extraction = row.get("extraction")
    if extraction is not None:
        _check_object(extraction)
    return Sample(
        benchmark=_read_text(row, "benchmark"),
        task_id=_read_text(row, "task_id"),
        index=_read_index(row),
        completion=Completion(
            text=_read_text(row, "raw"),
            reasoning=_read_text(row, "reasoning") if "reasoning" in row else "",
            **{name: row.get(name) for name in numbers},
        ),
        code=_read_text(row, "code"),
        form=_read_member(CodeForm, row, "form"),
        extraction=extraction,
        shared_with=_read_text(row, "shared_with") if "shared_with" in row else "",
    )


def serialize_verdict(verdict: Verdict) -> dict[str, Any]:
    """Return the row that stores `verdict`."""
    address = {"benchmark": verdict.benchmark, "task_id": verdict.task_id, "index": verdict.index}
    return {**address, **serialize_outcome(verdict)}


def parse_verdict(row: Mapping[str, Any]) -> Verdict:
    """Parse the verdict stored as `row`; raise KeyError, ValueError or TypeError if it is damaged."""
    _check_object(row)
    return Verdict.on(_read_text(row, "benchmark"), _read_text(row, "task_id"), _read_index(row), parse_outcome(row))


def serialize_outcome(outcome: Outcome) -> dict[str, Any]:
    """Return the row that stores `outcome`; `base_status` and `uncarried` are left out if there are none."""
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


def parse_outcome(row: Mapping[str, Any]) -> Outcome:
    """Parse the outcome stored as `row`; raise KeyError, ValueError or TypeError if it is damaged."""
    return Outcome(
        status=_read_member(Status, row, "status"),
        detail=_read_text(row, "detail"),
        cpu_time_s=_read_amount(row, "cpu_time_s"),
        wall_time_s=_read_amount(row, "wall_time_s"),
        peak_memory_bytes=_read_amount(row, "peak_memory_bytes"),
        trust=_read_member(Trust, row, "trust"),
        base_status=_read_member(Status, row, "base_status") if "base_status" in row else None,
        uncarried=_read_text(row, "uncarried") if "uncarried" in row else "",
    )


def _check_object(row: object) -> None:
    if not isinstance(row, Mapping):
        raise TypeError(f"the row is {_format_value(row)}; it must be an object")


def _read_index(row: Mapping[str, Any]) -> int:
    index = row["index"]
    if type(index) is not int or not 0 <= index < MOST_SAMPLES:
        raise ValueError(f"index is {_format_value(index)}; it must be a whole number from 0 to {MOST_SAMPLES - 1}")
    return index


def _read_text(row: Mapping[str, Any], name: str) -> str:
    value = row[name]
    if not isinstance(value, str):
        raise TypeError(f"{name} is {_format_value(value)}; it must be a text")
    return value


def _read_amount(row: Mapping[str, Any], name: str) -> Any:
    value = row[name]
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:
        raise TypeError(f"{name} is {_format_value(value)}; it must be a number, 0 or more")
    return value


def _read_member(kind: type[Choice], row: Mapping[str, Any], name: str) -> Choice:
    try:
        return kind(row[name])
    except ValueError as error:
        choices = ", ".join(str(member.value) for member in kind)
        raise ValueError(f"{name} is {_format_value(row[name])}; it must be one of {choices}") from error


def _format_value(value: object) -> str:
    """Format a row's value for a message."""
    return format_line(json.dumps(value), VALUE_SHOWN)
