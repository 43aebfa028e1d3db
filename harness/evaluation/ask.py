"""Ask a checkpoint a person's own questions, in the prompt format it was trained on."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..config import NO_RECIPE, RunConfig, build_run_config
from ..errors import SamplesError, UsageError, reason
from ..extraction.reasoning import split_reasoning, split_stream
from ..models.defaults import find_default_recipe
from ..models.loading import open_model
from ..models.options import ModelOptions
from ..models.thinking import TemplateSettings, find_open_mark
from ..optional import CanAnswer, CanFit, get_remarks
from ..tasks.prompt_format import Recipe
from ..tasks.recipe_files import read_recipe_file
from ..tasks.recipes import check_system
from ..tasks.recipes import recipe as recipe_called
from ..tasks.thinking import SEAM_TOKENS, check_template_settings, complete, find_token_limit
from ..types import Model, RenderedPrompt, Request, SamplingParams


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """An instruction and its optional context."""

    instruction: str
    context: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """A question, its exact prompt, and the streamed answer; read the answer before the next exchange."""

    question: Question
    rendered: RenderedPrompt
    parts: Iterator[tuple[bool, str]]
    """The answer's text in pieces as they come, each with whether it is the model's reasoning."""

    @property
    def pieces(self) -> Iterator[str]:
        """Yield the pieces of the answer alone."""
        return (piece for is_reasoning, piece in self.parts if not is_reasoning)


def ask(
    model: str,
    questions: Iterable[Question],
    *,
    recipe: str | None = None,
    recipe_file: str | Path | None = None,
    system: str | None = None,
    backend: str = "auto",
    dtype: str = "auto",
    max_tokens: int | None = None,
    temperature: float = 0.0,
    top_p: float = 1.0,
    seed: int = 0,
    thinking: str = "auto",
    thinking_budget: int | None = None,
    chat_template_args: Sequence[str] = (),
    tell: Callable[[str], None] = lambda _: None,
) -> Iterator[Exchange]:
    """Ask `model` all `questions` in one load; `max_tokens` defaults to the recipe's, with room for reasoning.

    With a budget of thinking, an answer comes whole. `tell` is given a line for each setting that a server refused.

    Raises:
        HarnessError: a name does not fit, or the checkpoint cannot be loaded or asked.
    """
    # what a run would refuse is refused here
    settings: dict[str, Any] = {"temperature": temperature, "top_p": top_p, "seed": seed, "max_tokens": max_tokens}
    settings |= {"recipe": recipe, "recipe_file": recipe_file, "system": system, "thinking": thinking}
    settings |= {"thinking_budget": thinking_budget, "chat_template_args": list(chat_template_args)}
    config = build_run_config({"model": model, "benchmarks": ["ask"], **settings})
    format_of = _choose_format(config)
    check_template_settings(config, [format_of])
    template = TemplateSettings(thinking=thinking, args=tuple(chat_template_args))
    opened = open_model(model, backend=backend, options=ModelOptions(dtype=dtype, seed=seed, template=template))
    prompts = [(question, format_of.ask(question.instruction, question.context)) for question in questions]
    if max_tokens is None and prompts:
        max_tokens = find_token_limit(opened, prompts[0][1], format_of.max_tokens, thinking_budget)
    limits = SamplingParams(
        temperature=temperature,
        top_p=top_p,
        max_tokens=max_tokens or format_of.max_tokens,
        # A bare prompt's stop strings end a function, and a person may ask for more than one.
        stop=format_of.stop if format_of.response_marker else (),
        seed=seed,
    )
    rendered = [opened.render(prompt) for _, prompt in prompts]
    seam = SEAM_TOKENS if thinking_budget else 0
    if isinstance(opened, CanFit):
        opened.fit(max((len(shown.token_ids or ()) for shown in rendered), default=0) + limits.max_tokens + seam)
    with ExitStack() as stack:
        stack.enter_context(opened)
        for number, ((question, prompt), shown) in enumerate(zip(prompts, rendered, strict=True), start=1):
            request = Request(request_id=f"ask:{number}", prompt=prompt, seed=seed)
            yield Exchange(
                question=question, rendered=shown, parts=_stream_answer(opened, request, limits, thinking_budget, tell)
            )


def _choose_format(config: RunConfig) -> Recipe:
    if config.recipe_file:
        chosen = read_recipe_file(config.recipe_file)
    elif name := config.recipe or find_default_recipe(config.model):
        chosen = recipe_called(name)
    else:
        raise UsageError(NO_RECIPE.format(model=config.model))
    if config.system is None:
        return chosen
    check_system(chosen)
    return replace(chosen, system=config.system)


def read_questions(path: Path) -> list[Question]:
    """Read the questions in a file: JSON lines with `instruction` and optional `input`, or one per line of text.

    Raises:
        UsageError: the file cannot be read or holds none.
        SamplesError: a row of JSON lines is none.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError) as error:
        raise UsageError(f"file of instructions {path} cannot be read: {reason(error)}") from error
    filled = [(number, line) for number, line in enumerate(lines, start=1) if line.strip()]
    if path.suffix == ".jsonl":
        questions = [_parse_question(line, f"{path} line {number}") for number, line in filled]
    else:
        questions = [Question(instruction=line.strip()) for _, line in filled]
    if not questions:
        raise UsageError(f"file of instructions {path} holds none")
    return questions


def _parse_question(line: str, where: str) -> Question:
    try:
        row = json.loads(line)
        instruction, context = row["instruction"], row.get("input") or ""
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise SamplesError(f'{where} is no JSON object with "instruction": {error!r}') from error
    if not isinstance(instruction, str) or not isinstance(context, str):
        raise SamplesError(f'{where}: "instruction" and "input" must be texts')
    return Question(instruction=instruction, context=context)


def _stream_answer(
    model: Model, request: Request, params: SamplingParams, budget: int | None, tell: Callable[[str], None]
) -> Iterator[tuple[bool, str]]:
    """Yield the answer as it is generated, or whole if the model cannot stream or its reasoning has a budget."""
    if isinstance(model, CanAnswer) and budget is None:
        opened = find_open_mark(model.render(request.prompt).text) is not None
        yield from split_stream(model.answer(request.prompt, params), opened=opened)
    else:
        for generated in complete(model, [request], params, budget=budget):
            parted = split_reasoning(generated.completion.text)
            reasoning = generated.completion.reasoning + parted.reasoning
            yield from ((inside, text) for inside, text in ((True, reasoning), (False, parted.answer)) if text)
    for remark in get_remarks(model):
        tell(remark)
