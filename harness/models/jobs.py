"""Split requests into single samples, for adapters with a tokenizer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from ..types import Completion, Generated, Prompt, RenderedPrompt, Request


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleJob:
    """One sample to generate."""

    request_id: str
    index: int
    seed: int
    token_ids: tuple[int, ...]
    end_ids: tuple[int, ...] = ()

    def build_answer(self, text: str, finish_reason: str | None, tokens: int) -> Generated:
        """Return the answer to this job; `tokens` is the number of generated tokens."""
        completion = Completion(
            text=text,
            finish_reason=finish_reason,
            prompt_tokens=len(self.token_ids),
            completion_tokens=tokens,
            seed=self.seed,
        )
        return Generated(request_id=self.request_id, index=self.index, completion=completion)

    def build_empty_answer(self) -> Generated:
        """Return the answer for a prompt that fills the context: empty, with the finish reason "length"."""
        return self.build_answer("", "length", 0)


def split_requests(requests: Iterable[Request], render: Callable[[Prompt], RenderedPrompt]) -> Iterator[SampleJob]:
    """Split requests lazily into single samples with the seeds that `Request` documents."""
    for request in requests:
        rendered = render(request.prompt)
        assert rendered.token_ids is not None, "an adapter with a tokenizer renders ids"
        for offset in range(request.count):
            yield SampleJob(
                request_id=request.request_id,
                index=request.start + offset,
                seed=request.seed + offset,
                token_ids=rendered.token_ids,
                end_ids=rendered.end_ids,
            )


def split_requests_or_none(
    requests: Iterable[Request | None], render: Callable[[Prompt], RenderedPrompt]
) -> Iterator[SampleJob | None]:
    """Split requests as `split_requests` does, and pass every None on."""
    for request in requests:
        if request is None:
            yield None
        else:
            yield from split_requests([request], render)
