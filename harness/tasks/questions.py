"""Build the prompts of a benchmark that asks twice: its second question is made of the answer to the first."""

from __future__ import annotations

from dataclasses import replace

from ..errors import UsageError
from ..extraction.reasoning import split_reasoning
from ..optional import AsksTwice, get_recipes
from ..types import Completion, Problem, Prompt
from .prompt_format import Recipe


def build_first_prompt(recipe: Recipe, benchmark: AsksTwice, problem: Problem) -> Prompt:
    """Build the prompt of the first question; a chat recipe's own template would ask for code.

    Raises:
        UsageError: the recipe does not show the question.
    """
    first = benchmark.first_problem(problem)
    question = benchmark.instruction(first)
    if recipe.kind == "chat":
        return recipe.ask(question)
    prompt = recipe.build(first, question)
    assert prompt.text is not None
    if not prompt.text.strip():
        raise UsageError(
            f'recipe "{recipe.name}" does not show the first question of {benchmark.name}; '
            f"choose one of {', '.join(get_recipes(benchmark))}"
        )
    return replace(prompt, text=prompt.text.rstrip())


def build_second_prompt(recipe: Recipe, benchmark: AsksTwice, problem: Problem, first: Completion) -> Prompt:
    """Build the prompt of the second question from the answer to the first, without its reasoning."""
    asked = benchmark.second_problem(problem, split_reasoning(first.text, recipe.reasoning_marks).answer)
    return recipe.build(asked, benchmark.instruction(asked))
