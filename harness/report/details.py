"""Details of each problem for a page: a row of the table, and a compressed chunk that is unpacked when it is opened.

A chunk is JSON, deflated, in base64. A page of 164 problems x 200 samples therefore has a few megabytes and opens as
fast as its table.
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

from ..store.records import SampleKey
from ..types import Sample, Status, Verdict
from .code import highlight_code
from .problems import ProblemText
from .wording import format_extraction, replace_unprintable

COLOURED = 2_000
"""Samples of a report that are highlighted, the first of each problem; the others are shown plain."""
SEARCHED = 400
"""Characters of a prompt that the table's filter searches."""
UNJUDGED = "unjudged"
ORDER = (*(status.value for status in Status), UNJUDGED)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProblemEntry:
    """A problem on the page."""

    row: Mapping[str, Any]
    """For the table; JSON."""
    chunk: str
    """For the opened problem; base64."""


def build_entries(
    tasks: Mapping[str, Iterable[str]],
    texts: Mapping[str, Mapping[str, ProblemText]],
    samples: Mapping[SampleKey, Sample],
    verdicts: Mapping[SampleKey, Verdict],
) -> list[ProblemEntry]:
    """Build an entry for every problem of a run, in order."""
    drawn: dict[tuple[str, str], list[int]] = {}
    for name, task_id, index in samples:
        drawn.setdefault((name, task_id), []).append(index)
    problems = [(benchmark, task_id) for benchmark, ids in tasks.items() for task_id in ids]
    coloured = max(1, COLOURED // max(1, len(problems)))
    entries = []
    for benchmark, task_id in problems:
        text = texts.get(benchmark, {}).get(task_id)
        keys = [(benchmark, task_id, index) for index in sorted(drawn.get((benchmark, task_id), []))]
        language = text.language if text else "python"
        languages = [language if at < coloured else "" for at, _ in enumerate(keys)]
        shown = [
            build_sample(samples[key], verdicts.get(key), language)
            for key, language in zip(keys, languages, strict=True)
        ]
        entries.append(
            ProblemEntry(
                row=_build_row(benchmark, task_id, text, shown),
                chunk=pack_json({"prompt": _show_prompt(text), "reference": _show_reference(text), "samples": shown}),
            )
        )
    return entries


def pack_json(value: Any) -> str:
    """Serialize a value as JSON, deflated, in base64."""
    plain = json.dumps(value, separators=(",", ":")).encode()
    return base64.b64encode(zlib.compress(plain, 6)).decode()


def _build_row(benchmark: str, task_id: str, text: ProblemText | None, shown: list[dict[str, Any]]) -> dict[str, Any]:
    statuses = Counter(sample["status"] for sample in shown)
    tokens = [sample["tokens"] for sample in shown if sample["tokens"] is not None]
    return {
        "benchmark": benchmark,
        "task": task_id,
        "title": replace_unprintable(text.title) if text else "",
        "n": len(shown),
        "passed": statuses[Status.PASSED.value],
        "statuses": {status: statuses[status] for status in ORDER if statuses[status]},
        "tokens": round(fmean(tokens), 1) if tokens else None,
        "seconds": round(max((sample["cpu_s"] or 0.0 for sample in shown), default=0.0), 3),
        "search": replace_unprintable(text.prompt[-SEARCHED:]).lower() if text else "",
    }


def build_sample(sample: Sample, verdict: Verdict | None, language: str) -> dict[str, Any]:
    """Build a sample for the page: `html` if its code is highlighted as `language`, otherwise `code`."""
    code = {"html": highlight_code(sample.code, language)} if language else {"code": replace_unprintable(sample.code)}
    return {
        "index": sample.index,
        "status": verdict.status.value if verdict else UNJUDGED,
        "base": verdict.base_status.value if verdict and verdict.base_status else None,
        "detail": replace_unprintable(verdict.detail) if verdict else "",
        "raw": replace_unprintable(sample.completion.text),
        "reasoning": replace_unprintable(sample.completion.reasoning),
        "extraction": replace_unprintable(format_extraction(sample.extraction)),
        **code,
        "finish": sample.completion.finish_reason,
        "tokens": sample.completion.completion_tokens,
        "cpu_s": round(verdict.cpu_time_s, 3) if verdict else None,
        "wall_s": round(verdict.wall_time_s, 3) if verdict else None,
        "mib": round(verdict.peak_memory_bytes / (1 << 20), 1) if verdict else None,
        "trust": verdict.trust.value if verdict else None,
    }


def _show_prompt(text: ProblemText | None) -> str | None:
    return replace_unprintable(text.prompt) if text else None


def _show_reference(text: ProblemText | None) -> str | None:
    return highlight_code(text.reference, text.language) if text and text.reference else None
