"""Samples and verdicts as the JSON rows they are stored as, and back.

Others read these files: a field may be added, none renamed or removed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .types import CodeForm, Completion, Sample, Status, Trust, Verdict

Key = tuple[str, str, int]
"""(benchmark, task_id, index): what addresses a sample and its verdict."""


MOST_SAMPLES = 10_000_000
"""Of a problem: a larger index is a damaged row."""


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
    """The sample stored as `row`; KeyError, ValueError or TypeError where it is none."""
    numbers = ("finish_reason", "prompt_tokens", "completion_tokens", "seed")
    return Sample(
        benchmark=row["benchmark"],
        task_id=row["task_id"],
        index=_index(row),
        completion=Completion(text=row["raw"], **{name: row.get(name) for name in numbers}),
        code=row["code"],
        form=CodeForm(row["form"]),
    )


def verdict_row(verdict: Verdict) -> dict[str, Any]:
    """`verdict` as it is stored; `base_status` and `uncarried` only where there is one."""
    row: dict[str, Any] = {
        "benchmark": verdict.benchmark,
        "task_id": verdict.task_id,
        "index": verdict.index,
        "status": verdict.status.value,
        "detail": verdict.detail,
        "cpu_time_s": round(verdict.cpu_time_s, 6),
        "wall_time_s": round(verdict.wall_time_s, 6),
        "peak_memory_bytes": verdict.peak_memory_bytes,
        "trust": verdict.trust.value,
    }
    if verdict.base_status is not None:
        row["base_status"] = verdict.base_status.value
    if verdict.uncarried:
        row["uncarried"] = verdict.uncarried
    return row


def verdict_from(row: Mapping[str, Any]) -> Verdict:
    """The verdict stored as `row`; KeyError, ValueError or TypeError where it is none."""
    kept = ("benchmark", "task_id", "detail", "cpu_time_s", "wall_time_s", "peak_memory_bytes")
    return Verdict(
        **{name: row[name] for name in kept},
        index=_index(row),
        status=Status(row["status"]),
        trust=Trust(row["trust"]),
        base_status=Status(row["base_status"]) if "base_status" in row else None,
        uncarried=row.get("uncarried", ""),
    )


def _index(row: Mapping[str, Any]) -> int:
    index = row["index"]
    if type(index) is not int or not 0 <= index < MOST_SAMPLES:
        raise ValueError(f"index is {index!r}")
    return index
