"""Training material: rows, tokens and their order, read and checked before anything is loaded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import UsageError
from ..models.checkpoint import Checkpoint, read_context_length
from ..models.rendering import describe_mending, load_tokenizer
from ..tasks.prompt_format import Recipe
from ..tasks.recipes import recipe
from .config import TrainingConfig
from .methods import METHODS
from .order import order_rows, sort_steps
from .rows import TrainingRow, digest_rows, find_source_file, read_training_rows, split_rows
from .tokens import Encoded, encode_rows


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """Base, recipe, tokenizer, and the rows as tokens in the order of training."""

    base: Checkpoint
    recipe: Recipe
    tokenizer: Any
    train: Encoded
    held_out: Encoded | None
    order: list[int]
    facts: dict[str, Any]
    """Facts about the data, for the manifest."""


def read_parts(config: TrainingConfig) -> tuple[list[TrainingRow], list[TrainingRow]]:
    """Read the rows to train on and the held-out ones.

    Raises:
        UsageError, DataError: a source cannot be read, or a row does not fit the method.
    """
    parse_row = METHODS[config.method].make_parser(config, recipe(config.recipe))
    rows = read_training_rows(config.data, parse_row)
    if isinstance(config.held_out, Path):
        return rows, read_training_rows(config.held_out, parse_row)
    if config.held_out is not None:
        return split_rows(rows, config.held_out, config.seed)
    return rows, []


def make_material(
    config: TrainingConfig, base: Checkpoint, train: list[TrainingRow], held_out: list[TrainingRow]
) -> Material:
    """Encode the rows as tokens and put them in the order of training.

    Raises:
        UsageError: the length that is asked for exceeds the base's context.
        ModelError, DataError: as `encode_rows`.
    """
    context = read_context_length(base.path)
    if context is not None and config.max_length > context:
        raise UsageError(
            f"max_length is {config.max_length}, and the context of {base.name} has {context} tokens; "
            f"choose --max-length {context} or less"
        )
    tokenizer = load_tokenizer(base.path)
    chosen = recipe(config.recipe)
    encoded = [
        encode_rows(
            rows,
            chosen,
            tokenizer,
            name=base.name,
            max_length=config.max_length,
            truncated=config.truncated,
            room=config.answer_length if config.method == "grpo" else 0,
        )
        for rows in (train, held_out)
        if rows
    ]
    order = _order_rows(config, encoded[0])
    return Material(
        base=base,
        recipe=chosen,
        tokenizer=tokenizer,
        train=encoded[0],
        held_out=encoded[1] if len(encoded) > 1 else None,
        order=order,
        facts=_collect_facts(config, train, held_out, encoded[0], order) | describe_mending(tokenizer),
    )


def _order_rows(config: TrainingConfig, encoded: Encoded) -> list[int]:
    step, budget = config.rows_per_step, None
    if config.max_steps is not None and not config.packing:
        budget = config.max_steps * step
    elif config.method == "grpo":  # whose steps are whole
        budget = max(1, round(config.epochs * len(encoded) / step)) * step
    sizes = encoded.answer_tokens
    order = order_rows(sizes, seed=config.seed, epochs=config.epochs, rows=budget, tokens=config.max_tokens)
    # kto pairs a prompt with its neighbour's answer; sorted ones may well answer the same prompt.
    return order if config.packing or config.method == "kto" else sort_steps(order, encoded.lengths, step)


def _collect_facts(
    config: TrainingConfig,
    train: list[TrainingRow],
    held_out: list[TrainingRow],
    encoded: Encoded,
    order: Sequence[int],
) -> dict[str, Any]:
    """Return the manifest's facts about the data."""
    sizes, prompts = encoded.answer_tokens, encoded.prompt_ids
    return {
        "source": str(find_source_file(config.data)),
        "digest": f"sha256:{digest_rows(train)}",
        "rows": len(train),
        "held_out_rows": len(held_out),
        "too_long": encoded.too_long,
        "left_out": encoded.left_out,
        "held_out_in_training": len(set(map(_get_question, held_out)) & set(map(_get_question, train))),
        "trained_rows": len(order),
        "trained_answer_tokens": sum(sizes[index] for index in order),
        "trained_tokens": sum(len(prompts[index]) + sizes[index] for index in order),
    }


def _get_question(row: TrainingRow) -> tuple[str, str]:
    return row.instruction, row.input


def report_data(material: Material, tell: Callable[[str], None]) -> None:
    """Report how much data is trained on, with warnings about it."""
    facts = material.facts
    tell(
        f"data: {facts['rows']} rows, {facts['held_out_rows']} held out; {facts['trained_rows']} to train on with "
        f"{facts['trained_tokens']} tokens, {facts['trained_answer_tokens']} of them in answers"
    )
    if "prompt_note" in facts:
        tell(f"note: {facts['prompt_note']}")
    if facts["held_out_in_training"]:
        tell(f"warning: {facts['held_out_in_training']} held-out rows are trained on as well; their loss says little")
    if facts["too_long"]:
        kept = facts["too_long"] - facts["left_out"]
        tell(
            f"warning: {facts['too_long']} rows are longer than --max-length and would lose their end: "
            f"{facts['left_out']} left out, {kept} kept without it"
        )
