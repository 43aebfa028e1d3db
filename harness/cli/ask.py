"""`harness ask`: one instruction, or a file of them, answered on the terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..api import ask_questions
from ..errors import UsageError, reason
from ..store.cleaning import neutralize
from . import output
from .options import (
    BACKEND,
    DTYPE,
    TEMPERATURE,
    TOP_P,
    ChatTemplateArg,
    RecipeFile,
    System,
    Thinking,
    ThinkingBudget,
    select_given,
)

if TYPE_CHECKING:
    from ..evaluation.ask import Exchange, Question


def ask(
    model: Annotated[str, typer.Argument(help="Built-in name, checkpoint folder, hub name or replay:FILE.")],
    text: Annotated[str | None, typer.Argument(help="Instruction. Default: read from standard input.")] = None,
    *,
    file: Annotated[
        Path | None, typer.Option(help="Read instructions from a file: one per line, or JSON lines.")
    ] = None,
    context: Annotated[Path | None, typer.Option("--input", help="Add a file to the instruction as its input.")] = None,
    show_prompt: Annotated[bool, typer.Option("--show-prompt", help="Print the exact prompt to stderr.")] = False,
    recipe: Annotated[
        str | None, typer.Option("--recipe", "-r", help="Prompt format. Default: the model's own.")
    ] = None,
    recipe_file: RecipeFile = None,
    system: System = None,
    backend: Annotated[str, BACKEND] = "auto",
    max_tokens: Annotated[int | None, typer.Option(help="Maximum tokens of the answer. Default: the recipe's.")] = None,
    temperature: Annotated[float, TEMPERATURE] = 0.0,
    top_p: Annotated[float, TOP_P] = 1.0,
    seed: Annotated[int, typer.Option(help="Sampling seed.")] = 0,
    dtype: Annotated[str, DTYPE] = "auto",
    thinking: Thinking = None,
    thinking_budget: ThinkingBudget = None,
    chat_template_arg: ChatTemplateArg = None,
) -> None:
    """Ask a checkpoint in its own prompt format; the answer is printed as it is generated, below its reasoning."""
    flags = {**locals(), "chat_template_args": chat_template_arg}
    options = select_given(flags, but=("model", "text", "file", "context", "show_prompt", "chat_template_arg"))
    questions = _read_questions(text, file, context)
    exchanges = ask_questions(model, questions, **options, tell=output.print_remark)
    if output.wants_json():
        output.print_result([_build_json(exchange, show_prompt) for exchange in exchanges], "")
        return
    for number, exchange in enumerate(exchanges, start=1):
        if len(questions) > 1:
            first = exchange.question.instruction.partition("\n")[0]
            output.print_remark(f"--- {number} of {len(questions)}: {first[:80]} ---")
        if show_prompt:
            typer.echo("--- prompt, between the lines ---", err=True)
            typer.echo(exchange.rendered.text, err=True)
            typer.echo("--- answer ---", err=True)
        _print_parts(exchange.parts)


def _print_parts(parts: Iterator[tuple[bool, str]]) -> None:
    """Print an answer as it comes; its reasoning goes to stderr, dimmed."""
    reasoned = False
    for is_reasoning, piece in parts:
        stream = sys.stderr if is_reasoning else sys.stdout
        if is_reasoning and output.wants_quiet():
            continue
        if is_reasoning and not reasoned:
            output.print_remark("--- reasoning ---")
        elif reasoned and not is_reasoning:
            output.print_remark("\n--- answer ---")
        reasoned = is_reasoning
        # Whoever keeps the answer gets it as it is; a terminal would obey its escape sequences.
        shown = neutralize(piece) if stream.isatty() else piece
        typer.echo(typer.style(shown, dim=True) if is_reasoning else shown, file=stream, nl=False)
    if reasoned:
        output.print_remark("\nno answer came after it; give a larger --max-tokens or a --thinking-budget")
    typer.echo()


def _build_json(exchange: Exchange, show_prompt: bool) -> dict[str, str]:
    parts = list(exchange.parts)
    reasoning = "".join(piece for is_reasoning, piece in parts if is_reasoning)
    prompt = {"prompt": exchange.rendered.text} if show_prompt else {}
    question = exchange.question
    return {
        "instruction": question.instruction,
        "input": question.context,
        **prompt,
        **({"reasoning": reasoning} if reasoning else {}),
        "answer": "".join(piece for is_reasoning, piece in parts if not is_reasoning),
    }


def _read_questions(text: str | None, file: Path | None, context: Path | None) -> list[Question]:
    from ..evaluation.ask import Question, read_questions

    if file is not None:
        if text is not None or context is not None:
            raise UsageError("--file holds the instructions; leave the text and --input out")
        return read_questions(file)
    about = ""
    if context is not None:
        try:
            about = context.read_text(encoding="utf-8").rstrip("\n")
        except (OSError, ValueError) as error:
            raise UsageError(f"--input {context} cannot be read: {reason(error)}") from error
    instruction = sys.stdin.read().rstrip("\n") if text is None else text
    if not instruction.strip():
        raise UsageError("there is no instruction; give it as an argument, on standard input or with --file")
    return [Question(instruction=instruction, context=about)]
