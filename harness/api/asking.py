"""Ask a checkpoint a person's own questions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from .paths import Name

if TYPE_CHECKING:
    from ..evaluation.ask import Exchange, Question


def ask_model(model: Name, instruction: str, *, context: str = "", **options: Any) -> str:
    """Return the answer of `model` to one instruction, in its own prompt format and without its reasoning.

    `context` is what the instruction is about; `options` are those of `ask_questions`.

    Raises:
        HarnessError: a name does not fit, or the checkpoint cannot be loaded or asked.
    """
    from ..evaluation.ask import Question

    question = Question(instruction=instruction, context=context)
    (answer,) = ("".join(exchange.pieces) for exchange in ask_questions(model, [question], **options))
    return answer


def ask_questions(model: Name, questions: Iterable[Question], **options: Any) -> Iterator[Exchange]:
    """Put `questions` to `model` in one load; each answer comes in pieces, to be read before the next exchange.

    `harness.evaluation.ask.read_questions` reads them from a file. `options` are those of `harness.evaluation.ask.ask`:
    `recipe`, `recipe_file`, `system`, `max_tokens`, `temperature`, `top_p`, `seed`, `backend`, `dtype`, `thinking`,
    `thinking_budget` and `chat_template_args`. `Exchange.parts` has the model's reasoning as well.

    Raises:
        HarnessError: as `ask_model`.
    """
    from ..evaluation.ask import ask

    return ask(str(model), questions, **options)
