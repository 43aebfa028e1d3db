"""Make an `Outcome` of a worker's reply: statuses come from a list, texts are cut and cleaned; nothing else does."""

from __future__ import annotations

from typing import Any

from ..store.cleaning import clean_text
from ..types import Outcome, Status, Trust
from .link import LinkLost, Reply

MAX_DETAIL = 2000
MAX_NAME = 200


REFERENCE_FAILS = "the reference fails"
"""Beginning of the detail where a judge's own reference is to blame."""


class ReferenceFailed(LinkLost):
    """A reference did not come to its end, so that nothing can be judged by it."""


class JudgeLost(LinkLost):
    """A worker was lost while it judged what a program reported."""


def outcome_of(
    reply: Reply, trust: Trust, status: str | None = None, detail: str | None = None, name: str = ""
) -> Outcome:
    """Return the outcome that a worker's reply amounts to, with another status and detail where they are given.

    `name` is the value that could not be carried.
    """
    told: dict[str, Any] = reply.header
    return Outcome(
        status=Status(told["status"] if status is None else status),
        detail=text_of(told["detail"] if detail is None else detail),
        cpu_time_s=round(told["cpu_time_s"], 6),
        wall_time_s=round(told["wall_time_s"], 6),
        peak_memory_bytes=told["peak_memory_bytes"],
        trust=trust,
        uncarried=clean_text(name, MAX_NAME).replace("\n", " ") if name else "",
    )


def unjudgeable(reason: str) -> Outcome:
    """Return the outcome of a program whose report the judge cannot finish over."""
    detail = f"what it answered cannot be judged: {reason}"
    return Outcome(status=Status.OUTPUT, detail=text_of(detail), trust=Trust.SPLIT)


def text_of(detail: str) -> str:
    """Return a detail that a worker told, cut and cleaned."""
    return clean_text(detail, MAX_DETAIL) if detail else ""
