"""Complete prompts of models that reason before they answer, with any adapter.

Stop strings end the answer and never the reasoning: where a model may reason, the engine is given none, and the answer
is cut afterwards. A budget bounds the reasoning: a model that has not closed it by then is given the closing mark and
goes on from there.

A model that goes on from its own text reads it as tokens of the whole, so a word at the seam may be split differently
than without a budget. Tokens of reasoning are counted from its text, which may differ by a few from those generated.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import chain, islice

from ..config import RunConfig
from ..errors import ModelError, UsageError
from ..extraction.reasoning import cut_at_stop, lacks_answer, lacks_closing, split_reasoning
from ..models.thinking import MARKS, find_open_mark, parse_template_args
from ..optional import CanContinue, CanReason, HasBatchSize
from ..types import Completion, Generated, Model, Prompt, Request, SamplingParams
from .prompt_format import Recipe

REASONING_TOKENS = 16384
"""What a reasoning model's default token limit is larger by: half of the 32,768 that the cards of Qwen3 and DeepSeek-R1
recommend, so that a model caught in a loop costs half."""
WINDOW = 256
"""Requests whose reasoning is held until all of them are continued, for models that name no figure of their own."""
SEAM_TOKENS = 16
"""Room in the context for a closing mark, and for text that is split into more tokens when it is read again."""


def check_template_settings(config: RunConfig, recipes: Sequence[Recipe]) -> None:
    """Refuse settings of chat templates for recipes that use none.

    Raises:
        UsageError: a setting is given, and a recipe has a text prompt.
    """
    asked = {
        f"--thinking {config.thinking}": config.thinking != "auto",
        "--thinking-budget": config.thinking_budget,
        "--chat-template-arg": config.chat_template_args,
    }
    flags = [flag for flag, given in asked.items() if given]
    plain = next((recipe.name for recipe in recipes if recipe.kind == "text"), None)
    if flags and plain:
        raise UsageError(
            f'{flags[0]} is for chat templates, and recipe "{plain}" uses none; leave it out or choose a chat recipe'
        )
    parse_template_args(config.chat_template_args)


def may_reason(model: Model, prompt: Prompt) -> bool:
    """Tell whether the model may reason before it answers `prompt`, as far as that can be known."""
    if find_open_mark(prompt.prefill if prompt.text is None else prompt.text):
        return True
    return prompt.text is None and isinstance(model, CanReason) and model.may_reason(prompt)


def find_token_limit(model: Model, prompt: Prompt, answer_tokens: int, budget: int | None) -> int | None:
    """Return the default token limit of a model that may reason, within its context; None if it does not reason."""
    if budget is None and not may_reason(model, prompt):
        return None
    context = model.context_length if isinstance(model, CanReason) else None
    tokens = answer_tokens + (budget or REASONING_TOKENS)
    return min(tokens, context) if context else tokens


def complete(
    model: Model, requests: Iterable[Request], params: SamplingParams, *, budget: int | None = None
) -> Iterator[Generated]:
    """Yield completions as `Model.generate` does, with at most `budget` tokens of reasoning in each.

    Reasoning that the prompt opened and that never ended is `Completion.reasoning`, and the text empty. Where there is
    reasoning, its tokens are counted.

    Raises:
        UsageError: the budget leaves no token for the answer.
        ModelError: the model cannot go on from a given beginning, or as `Model.generate`.
    """
    waiting = iter(requests)
    if (first := next(waiting, None)) is None:
        return
    completer = _Completer(model, params, budget, first.prompt)
    waiting = chain([first], waiting)
    if budget is None:
        yield from completer.complete_all(waiting)
        return
    size = 4 * model.side_by_side if isinstance(model, HasBatchSize) else WINDOW
    for window in _split_into_windows(waiting, size):
        yield from completer.complete_all(window)


class _Completer:
    """Completes prompts that all open reasoning alike."""

    def __init__(self, model: Model, params: SamplingParams, budget: int | None, first: Prompt) -> None:
        if budget is not None and budget >= params.max_tokens:
            raise UsageError(
                f"the thinking budget of {budget} tokens leaves none of the {params.max_tokens} of a completion to the "
                "answer; give a larger --max-tokens or a smaller --thinking-budget"
            )
        if budget is not None and first.text is None and isinstance(model, CanContinue) and not model.continues:
            raise ModelError(
                f'model "{model.name}": --thinking-budget needs a model that goes on from a given beginning of its '
                "reply, which vLLM and SGLang serve and this one is not known to do; leave it out"
            )
        self._model, self._params, self._budget = model, params, budget
        self._mark = find_open_mark(model.render(first).text)
        held = budget is not None or (bool(params.stop) and may_reason(model, first))
        self._asked = replace(params, stop=() if held else params.stop, max_tokens=budget or params.max_tokens)

    def complete_all(self, requests: Iterable[Request]) -> Iterator[Generated]:
        """Yield the completions of `requests`; those that need a second request come last."""
        prompts: dict[str, Prompt] = {}

        def note_prompts() -> Iterator[Request]:
            for request in requests:
                prompts[request.request_id] = request.prompt
                yield request

        cut: list[Request] = []
        begun: dict[tuple[str, int], Completion] = {}
        following: list[Request] = []
        for generated in self._model.generate(note_prompts(), self._asked):
            completion, key = generated.completion, (generated.request_id, generated.index)
            again = Request(
                request_id=generated.request_id,
                prompt=prompts[generated.request_id],
                start=generated.index,
                seed=completion.seed or 0,
            )
            if self._reached_budget(completion):
                begun[key] = completion
                prompt = self._continue_prompt(again.prompt, completion)
                following.append(replace(again, prompt=prompt, seed=_derive_seed(again.seed)))
            elif self._asked.stop and completion.finish_reason == "stop" and self._is_open(completion):
                cut.append(again)
            else:
                yield self._finish(generated)
        if cut:
            # A stop string ended the reasoning.
            for generated in self._model.generate(cut, replace(self._params, stop=())):
                yield self._finish(generated)
        if following:
            rest = replace(self._params, stop=(), max_tokens=self._params.max_tokens - (self._budget or 0))
            for generated in self._model.generate(following, rest):
                before = begun[generated.request_id, generated.index]
                yield self._finish(replace(generated, completion=self._join(before, generated.completion)))

    def _reached_budget(self, completion: Completion) -> bool:
        """Tell whether the completion was cut at the budget, not at the end of the context."""
        tokens = completion.completion_tokens
        return (
            completion.finish_reason == "length"
            and self._budget is not None
            and (tokens is None or tokens >= self._budget)
        )

    def _is_open(self, completion: Completion) -> bool:
        """Tell whether the completion ended within its reasoning."""
        return lacks_answer(completion) or (self._mark is not None and lacks_closing(completion.text))

    def _close(self, completion: Completion) -> str:
        """Return what closes the reasoning of a completion; "" if it is closed."""
        if not self._is_open(completion):
            return ""
        mark = self._mark or next((mark for mark in MARKS if mark[0].lower() in completion.text.lower()), MARKS[0])
        return f"\n{mark[1]}\n\n"

    def _continue_prompt(self, prompt: Prompt, completion: Completion) -> Prompt:
        """Return the prompt from which the model goes on."""
        apart = f"{MARKS[0][0]}\n{completion.reasoning}" if completion.reasoning else ""
        came = f"{apart}{completion.text}{self._close(completion)}"
        if prompt.text is not None:
            return replace(prompt, text=prompt.text + came)
        return replace(prompt, prefill=prompt.prefill + came)

    def _join(self, before: Completion, after: Completion) -> Completion:
        """Return one completion of what came up to the budget and what came then."""
        joint = "" if before.reasoning else self._close(before)
        return replace(
            after,
            text=before.text + joint + after.text,
            prompt_tokens=before.prompt_tokens,
            completion_tokens=_add(before.completion_tokens, after.completion_tokens),
            seed=before.seed,
            reasoning=before.reasoning + after.reasoning,
            reasoning_tokens=before.completion_tokens if self._is_open(before) else before.reasoning_tokens,
        )

    def _finish(self, generated: Generated) -> Generated:
        """Cut the answer at the stop strings that the engine was not given, part and count the reasoning."""
        completion = generated.completion
        if self._params.stop:
            text = cut_at_stop(completion.text, self._params.stop, opened=self._mark is not None)
            if text != completion.text:
                completion = replace(completion, text=text, finish_reason="stop")
        if self._mark is not None and not completion.reasoning and lacks_closing(completion.text):
            completion = replace(completion, text="", reasoning=completion.text)
        return replace(generated, completion=self._count_reasoning(completion))

    def _count_reasoning(self, completion: Completion) -> Completion:
        """Return the completion with the tokens of its reasoning, if it has one and they are not known."""
        total = completion.completion_tokens
        parted = split_reasoning(completion.text)
        thoughts = completion.reasoning + parted.reasoning
        if completion.reasoning_tokens is not None or total is None or not thoughts:
            return completion
        if lacks_answer(completion):
            return replace(completion, reasoning_tokens=total)
        ids = self._model.render(Prompt(text=thoughts)).token_ids
        if ids is None:
            # A server that does not tell: by the share of characters.
            tokens = round(total * len(thoughts) / (len(thoughts) + len(parted.answer)))
        else:
            tokens = len(ids) - len(self._model.render(Prompt(text="")).token_ids or ())
        return replace(completion, reasoning_tokens=min(tokens, total))


def _split_into_windows(requests: Iterable[Request], size: int) -> Iterator[list[Request]]:
    """Yield lists of requests for about `size` samples each."""
    singles = (
        replace(request, start=request.start + offset, count=1, seed=request.seed + offset)
        for request in requests
        for offset in range(request.count)
    )
    while window := list(islice(singles, size)):
        yield window


def _derive_seed(seed: int) -> int:
    """Derive the seed of a sample's continuation, which must not draw the same numbers again."""
    return int.from_bytes(hashlib.sha256(f"{seed}\0continued".encode()).digest()[:8]) % (1 << 30)


def _add(first: int | None, second: int | None) -> int | None:
    return None if first is None or second is None else first + second
