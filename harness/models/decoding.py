"""Generate one batch with transformers: per-sample seeds, limits and stop strings.

Slow: a batch runs until its longest answer is done.
"""

from __future__ import annotations

import random
from bisect import bisect_left
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any

import torch
from transformers import (
    GenerationConfig,
    LogitsProcessor,
    LogitsProcessorList,
    MinPLogitsWarper,
    StoppingCriteria,
    StoppingCriteriaList,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

from ..types import SamplingParams

VERBATIM: dict[str, bool] = {"skip_special_tokens": True, "clean_up_tokenization_spaces": False}
"""Cleaning up would remove spaces around punctuation, which code must keep."""
LEAD = 8
"""Prompt tokens that are decoded together with an answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A decoded row of a batch."""

    text: str
    finish_reason: str
    tokens: int
    """Number of generated tokens, including an end-of-text token."""


class SeededChoice(LogitsProcessor):
    """Makes the greedy choice a sample: it keeps only one token, drawn from the softmax of the logits.

    Row i draws with its own generator, seeded with `seeds[i]`; `generate`'s own sampling has one for all rows. One
    number per token is drawn, on the CPU. Noise for a whole vocabulary would take longer to copy to an accelerator than
    the token takes to compute.
    """

    def __init__(self, seeds: Sequence[int]) -> None:
        self._generators = [random.Random(seed) for seed in seeds]  # noqa: S311 - no secret

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:  # noqa: ARG002
        """Mask all tokens but the sampled one. scores: (rows, vocabulary) logits."""
        uniform = torch.tensor([[generator.random()] for generator in self._generators], dtype=torch.float64)
        # In float64: a sum over the vocabulary in lower precision would lose rare tokens.
        reached = torch.softmax(scores.double(), dim=-1).cumsum(dim=-1)
        chosen = torch.searchsorted(reached, uniform.to(scores.device) * reached[:, -1:], right=True)
        only = torch.full_like(scores, -torch.inf)
        # Rounding may reach the whole sum; the index must stay within the vocabulary.
        return only.scatter_(1, chosen.clamp_(max=scores.shape[-1] - 1), 0.0)


class RowLimits(StoppingCriteria):
    """Stops a row at its own token limit or at a stop string in its answer."""

    def __init__(self, tokenizer: Any, width: int, limits: Sequence[int], stop: Sequence[str]) -> None:
        self._tokenizer = tokenizer
        self._width = width
        self._limits = limits
        self._stop = stop
        # A token adds at least one byte of text, so a stop string ends within this many tokens.
        self._tail = max((len(text.encode()) for text in stop), default=0) + 8

    def __call__(self, input_ids: torch.Tensor, scores: Any, **kwargs: Any) -> torch.Tensor:  # noqa: ARG002
        """Return which rows are done. input_ids: (rows, padded prompt + new tokens)."""
        answers = input_ids[:, self._width :]
        length = answers.shape[1]
        done = [length >= limit for limit in self._limits]
        if self._stop:
            tails = self._tokenizer.batch_decode(answers[:, -self._tail :], **VERBATIM)
            done = [over or any(text in tail for text in self._stop) for over, tail in zip(done, tails, strict=True)]
        return torch.tensor(done, device=input_ids.device)


class Watcher(StoppingCriteria):
    """Stops nothing; reports the first answer's tokens after each step."""

    def __init__(self, width: int, tell: Callable[[Sequence[int]], None]) -> None:
        self._width = width
        self._tell = tell

    def __call__(self, input_ids: torch.Tensor, scores: Any, **kwargs: Any) -> torch.Tensor:  # noqa: ARG002
        """Report the first row's tokens. input_ids: (rows, padded prompt + new tokens)."""
        self._tell(input_ids[0, self._width :].tolist())
        return torch.zeros(len(input_ids), dtype=torch.bool, device=input_ids.device)


def stream_answer(
    model: Any, tokenizer: Any, *, prompt: tuple[int, ...], limit: int, params: SamplingParams
) -> Iterator[str]:
    """Yield the answer to one prompt in pieces while a thread generates it."""
    batches: SimpleQueue[Sequence[int] | None] = SimpleQueue()
    held = max((len(mark) for mark in params.stop), default=1) - 1
    with ThreadPoolExecutor(max_workers=1) as pool:
        work = pool.submit(
            decode_batch,
            model,
            tokenizer,
            prompts=[prompt],
            limits=[limit],
            seeds=[params.seed],
            params=params,
            watch=batches.put,
        )
        work.add_done_callback(lambda _: batches.put(None))
        shown = ""
        while (tokens := batches.get()) is not None:
            text = _decode_text(tokens, prompt, tokenizer)
            # Text that may become a stop string, or a character that is incomplete, waits.
            sure = text[: max(0, len(text) - held)].rstrip("\ufffd")
            if sure.startswith(shown) and len(sure) > len(shown) and not any(mark in text for mark in params.stop):
                yield sure[len(shown) :]
                shown = sure
        (answer,) = work.result()
        if rest := answer.text[len(shown) :]:
            yield rest


def decode_batch(
    model: Any,
    tokenizer: Any,
    *,
    prompts: Sequence[tuple[int, ...]],
    limits: Sequence[int],
    seeds: Sequence[int],
    params: SamplingParams,
    end_ids: Collection[int] = (),
    watch: Callable[[Sequence[int]], None] | None = None,
) -> list[Answer]:
    """Return the answers to `prompts` (token ids) in order, each at most `limits[i]` tokens long.

    `end_ids` end an answer as the model's own end-of-text tokens do. `watch` is called after each step with the token
    ids of the first answer so far.
    """
    ends = _find_end_tokens(model, tokenizer) | set(end_ids)
    pad = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else min(ends, default=0)
    width = max(map(len, prompts))
    ids = torch.tensor([[pad] * (width - len(prompt)) + list(prompt) for prompt in prompts])
    mask = torch.tensor([[0] * (width - len(prompt)) + [1] * len(prompt) for prompt in prompts])
    # A checkpoint's own generation defaults (penalties, top_k) must not mix with the requested ones.
    configuration: Any = GenerationConfig
    model.generation_config = configuration(eos_token_id=sorted(ends) or None, pad_token_id=pad)
    with torch.inference_mode():
        output = model.generate(
            ids.to(model.device),
            attention_mask=mask.to(model.device),
            do_sample=False,
            max_new_tokens=max(limits),
            logits_processor=_build_processors(params, seeds),
            stopping_criteria=StoppingCriteriaList(
                [RowLimits(tokenizer, width, limits, params.stop), *([Watcher(width, watch)] if watch else [])]
            ),
        )
    rows = output[:, width:].tolist()
    return [
        _decode_answer(row[:limit], prompt, ends, tokenizer, params.stop)
        for row, limit, prompt in zip(rows, limits, prompts, strict=True)
    ]


def _build_processors(params: SamplingParams, seeds: Sequence[int]) -> LogitsProcessorList:
    if params.temperature == 0:
        return LogitsProcessorList()
    processors: list[Any] = [TemperatureLogitsWarper(float(params.temperature))]
    if params.top_k is not None:
        processors.append(TopKLogitsWarper(params.top_k))
    if params.top_p < 1:
        processors.append(TopPLogitsWarper(params.top_p))
    if params.min_p:
        processors.append(MinPLogitsWarper(params.min_p))
    return LogitsProcessorList([*processors, SeededChoice(seeds)])


def _find_end_tokens(model: Any, tokenizer: Any) -> set[int]:
    """Return every end-of-text token of the generation configuration and the tokenizer."""
    named = model.generation_config.eos_token_id
    ends = set(named) if isinstance(named, list) else {named}
    return {end for end in (*ends, tokenizer.eos_token_id) if end is not None}


def _decode_answer(
    row: Sequence[int], prompt: Sequence[int], ends: set[int], tokenizer: Any, stop: Sequence[str]
) -> Answer:
    end = next((position for position, token in enumerate(row) if token in ends), None)
    kept = row if end is None else row[: end + 1]
    text = _decode_text(kept, prompt, tokenizer)
    cuts = [position for mark in stop if (position := text.find(mark)) >= 0]
    if cuts:
        return Answer(text=text[: min(cuts)], finish_reason="stop", tokens=_count_tokens_to_stop(kept, tokenizer, stop))
    return Answer(text=text, finish_reason="length" if end is None else "stop", tokens=len(kept))


def _decode_text(answer: Sequence[int], prompt: Sequence[int], tokenizer: Any) -> str:
    """Decode the answer behind the prompt; decoded alone, some tokenizers (Llama 2's) drop its first space."""
    lead = prompt[-LEAD:]
    before: str = tokenizer.decode(lead, **VERBATIM)
    whole: str = tokenizer.decode([*lead, *answer], **VERBATIM)
    if whole.startswith(before):
        return whole[len(before) :]
    # The prompt ends in the middle of a character.
    return str(tokenizer.decode(answer, **VERBATIM))


def _count_tokens_to_stop(row: Sequence[int], tokenizer: Any, stop: Sequence[str]) -> int:
    """Count the tokens up to the one that completes a stop string; the rest of the row is padding."""

    def has_stop(count: int) -> bool:
        text = tokenizer.decode(row[:count], **VERBATIM)
        return any(mark in text for mark in stop)

    return 1 + bisect_left(range(1, len(row)), True, key=has_stop)
