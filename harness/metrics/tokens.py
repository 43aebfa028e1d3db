"""Count the tokens of reasoning and of answers apart.

A completion whose adapter does not tell the tokens of its reasoning counts as all answer.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..types import Completion


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenMeans:
    """Mean tokens of completions."""

    samples: int
    """Completions whose tokens are known."""
    reasoning: float
    answer: float


class TokenCounter:
    """Adds up completions one at a time."""

    def __init__(self) -> None:
        self._samples = self._reasoning = self._all = 0

    def add(self, completion: Completion) -> None:
        """Add one completion, if its tokens are known."""
        if completion.completion_tokens is not None:
            self._samples += 1
            self._reasoning += completion.reasoning_tokens or 0
            self._all += completion.completion_tokens

    def compute_means(self) -> TokenMeans | None:
        """Return the means; None if no completion was added."""
        if not self._samples:
            return None
        reasoning, tokens = self._reasoning / self._samples, self._all / self._samples
        return TokenMeans(samples=self._samples, reasoning=round(reasoning, 1), answer=round(tokens - reasoning, 1))
