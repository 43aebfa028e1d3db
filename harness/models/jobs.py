"""Requests taken apart into single samples, for adapters that have a tokenizer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from ..types import Completion, Generated, Prompt, RenderedPrompt, Request


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One sample to generate."""

    request_id: str
    index: int
    seed: int
    token_ids: tuple[int, ...]

    def generated(self, text: str, finish_reason: str | None, tokens: int) -> Generated:
        """The answer to this job; `tokens` is how many were generated."""
        completion = Completion(
            text=text,
            finish_reason=finish_reason,
            prompt_tokens=len(self.token_ids),
            completion_tokens=tokens,
            seed=self.seed,
        )
        return Generated(request_id=self.request_id, index=self.index, completion=completion)

    def does_not_fit(self) -> Generated:
        """The answer where the prompt alone fills the context: empty and cut."""
        return self.generated("", "length", 0)


def jobs(requests: Iterable[Request], render: Callable[[Prompt], RenderedPrompt]) -> Iterator[Job]:
    """The samples of `requests`, each with the seed that `Request` documents; read as they are taken."""
    for request in requests:
        token_ids = render(request.prompt).token_ids
        assert token_ids is not None, "an adapter with a tokenizer renders ids"
        for offset in range(request.count):
            yield Job(
                request_id=request.request_id,
                index=request.start + offset,
                seed=request.seed + offset,
                token_ids=token_ids,
            )


def jobs_or_none(
    requests: Iterable[Request | None], render: Callable[[Prompt], RenderedPrompt]
) -> Iterator[Job | None]:
    """Yield what `jobs` does, and None wherever it stands among the requests."""
    for request in requests:
        if request is None:
            yield None
        else:
            yield from jobs([request], render)
