"""Compute what the tokens of a run cost.

A model behind a server, known by the `address` that it describes itself with, is billed for the prompt of every
request: n samples of a problem pay for n prompts. A local engine computes a prompt once for all samples of its problem.
An answer that two benchmarks share counts once. Cached prompts, discounts and requests that failed are not known here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ..types import Sample

MILLION = 1_000_000
Price = tuple[float, float]
"""Currency units per million prompt tokens and per million completion tokens."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """Tokens that a run has been billed for, and what they cost."""

    price: Price
    max_cost: float | None
    per_request: bool
    """Whether each request pays for its prompt; otherwise each problem does."""
    prompt_tokens: int
    completion_tokens: int
    unknown: int
    """Samples whose tokens are not known."""

    @property
    def amount(self) -> float | None:
        """Return the cost in currency units; None if tokens are not known."""
        return None if self.unknown else compute_amount(self.price, self.prompt_tokens, self.completion_tokens)

    @property
    def is_reached(self) -> bool:
        """Tell whether the cost has reached its limit."""
        return self.max_cost is not None and self.amount is not None and self.amount >= self.max_cost


class TokenCount:
    """Count the tokens that samples are billed for, one sample at a time."""

    def __init__(self, model: Mapping[str, Any]) -> None:
        self.per_request = bills_requests(model)
        self.prompt_tokens = self.completion_tokens = self.unknown = 0
        self._prompts: set[tuple[str, str, int]] = set()

    def add(self, sample: Sample) -> None:
        """Count a sample; a shared answer costs nothing more, and neither does a prompt refused for its length."""
        completion = sample.completion
        if sample.shared_with:
            return
        if completion.prompt_tokens is None and completion.completion_tokens == 0:
            return
        if completion.prompt_tokens is None or completion.completion_tokens is None:
            self.unknown += 1
            return
        self.completion_tokens += completion.completion_tokens
        # a problem that is asked twice has prompts of other lengths
        prompt = (sample.benchmark, sample.task_id, completion.prompt_tokens)
        if self.per_request or prompt not in self._prompts:
            self._prompts.add(prompt)
            self.prompt_tokens += completion.prompt_tokens

    def build_cost(self, price: Price, max_cost: float | None) -> Cost:
        """Return the cost of what was counted."""
        return Cost(
            price=price,
            max_cost=max_cost,
            per_request=self.per_request,
            prompt_tokens=self.prompt_tokens,
            completion_tokens=self.completion_tokens,
            unknown=self.unknown,
        )


def bills_requests(model: Mapping[str, Any]) -> bool:
    """Tell from a model's description whether it is billed for the prompt of every request."""
    return "address" in model


def compute_amount(price: Price, prompt_tokens: float, completion_tokens: float) -> float:
    """Return the cost of tokens in currency units."""
    return (prompt_tokens * price[0] + completion_tokens * price[1]) / MILLION


def measure_cost(manifest: Mapping[str, Any], samples: Iterable[Sample]) -> Cost | None:
    """Return the cost of a run at the price of its latest start; None if no price was given."""
    config = manifest.get("config", {})
    if not config.get("price"):
        return None
    count = TokenCount(manifest.get("model", {}))
    for sample in samples:
        count.add(sample)
    return count.build_cost(tuple(config["price"]), config.get("max_cost"))


def serialize_cost(cost: Cost) -> dict[str, Any]:
    """Serialize a cost for run.json; an unknown amount is null."""
    return {
        "amount": cost.amount,
        "prompt_tokens": cost.prompt_tokens,
        "completion_tokens": cost.completion_tokens,
        "unknown_samples": cost.unknown,
        "price": list(cost.price),
        "max_cost": cost.max_cost,
        "prompts_billed": "per request" if cost.per_request else "per problem",
    }


def format_amount(amount: float) -> str:
    """Format currency units, with cents from one unit on and four digits below."""
    return f"{amount:,.2f}" if amount >= 1 else f"{amount:.4g}"


def format_cost(cost: Cost) -> str:
    """Return "0.31 (1,200,000 prompt tokens at 0.15, 217,000 completion tokens at 0.6 per million)"."""
    if cost.unknown:
        return f"cost unknown: {cost.unknown} samples have no token counts"
    prompts, completions = cost.price
    return (
        f"{format_amount(cost.amount or 0.0)} ({cost.prompt_tokens:,} prompt tokens at {prompts:g}, "
        f"{cost.completion_tokens:,} completion tokens at {completions:g} per million; "
        f"prompts count once per {'request' if cost.per_request else 'problem'})"
    )
