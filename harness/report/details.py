"""Details of each problem for a page: a row of the table, and a compressed chunk that is unpacked when it is opened.

A chunk is JSON, deflated and in base64. A run of 164 problems x 200 samples so stays a file of some megabytes whose
opening costs no more than its table.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from ..store.records import Key
from ..types import Sample, Status, Verdict
from .code import highlighted
from .problems import Text
from .wording import printable

COLOURED = 2_000
"""Samples of a report that are highlighted: the first ones of each problem; the others are shown plain."""
SEARCHED = 400
"""Characters of a prompt that the table's filter looks at."""
UNJUDGED = "unjudged"
ORDER = (*(status.value for status in Status), UNJUDGED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A problem of the page."""

    row: Mapping[str, Any]
    """For the table; JSON."""
    chunk: str
    """For the opened problem; base64."""


def entries(
    tasks: Mapping[str, Iterable[str]],
    texts: Mapping[str, Mapping[str, Text]],
    samples: Mapping[Key, Sample],
    verdicts: Mapping[Key, Verdict],
) -> list[Entry]:
    """Every problem of a run, in order."""
    drawn: dict[tuple[str, str], list[int]] = {}
    for name, task_id, index in samples:
        drawn.setdefault((name, task_id), []).append(index)
    problems = [(benchmark, task_id) for benchmark, ids in tasks.items() for task_id in ids]
    coloured = max(1, COLOURED // max(1, len(problems)))
    found = []
    for benchmark, task_id in problems:
        text = texts.get(benchmark, {}).get(task_id)
        keys = [(benchmark, task_id, index) for index in sorted(drawn.get((benchmark, task_id), []))]
        shown = [_sample(samples[key], verdicts.get(key), at < coloured) for at, key in enumerate(keys)]
        found.append(
            Entry(
                row=_row(benchmark, task_id, text, shown),
                chunk=pack({"prompt": _prompt(text), "reference": _reference(text), "samples": shown}),
            )
        )
    return found


def pack(value: Any) -> str:
    """JSON, deflated, in base64."""
    plain = json.dumps(value, separators=(",", ":")).encode()
    return base64.b64encode(zlib.compress(plain, 6)).decode()


def _row(benchmark: str, task_id: str, text: Text | None, shown: list[dict[str, Any]]) -> dict[str, Any]:
    statuses = Counter(sample["status"] for sample in shown)
    tokens = [sample["tokens"] for sample in shown if sample["tokens"] is not None]
    return {
        "benchmark": benchmark,
        "task": task_id,
        "title": printable(text.title) if text else "",
        "n": len(shown),
        "passed": statuses[Status.PASSED.value],
        "statuses": {status: statuses[status] for status in ORDER if statuses[status]},
        "tokens": round(fmean(tokens), 1) if tokens else None,
        "seconds": round(max((sample["cpu_s"] or 0.0 for sample in shown), default=0.0), 3),
        "search": printable(text.prompt[-SEARCHED:]).lower() if text else "",
    }


def _sample(sample: Sample, verdict: Verdict | None, coloured: bool) -> dict[str, Any]:
    """A sample for the page; `html` where its code is highlighted, else `code`."""
    code = {"html": highlighted(sample.code)} if coloured else {"code": printable(sample.code)}
    return {
        "index": sample.index,
        "status": verdict.status.value if verdict else UNJUDGED,
        "base": verdict.base_status.value if verdict and verdict.base_status else None,
        "detail": printable(verdict.detail) if verdict else "",
        "raw": printable(sample.completion.text),
        **code,
        "finish": sample.completion.finish_reason,
        "tokens": sample.completion.completion_tokens,
        "cpu_s": round(verdict.cpu_time_s, 3) if verdict else None,
        "wall_s": round(verdict.wall_time_s, 3) if verdict else None,
        "mib": round(verdict.peak_memory_bytes / (1 << 20), 1) if verdict else None,
        "trust": verdict.trust.value if verdict else None,
    }


def _prompt(text: Text | None) -> str | None:
    return printable(text.prompt) if text else None


def _reference(text: Text | None) -> str | None:
    return highlighted(text.reference) if text and text.reference else None
