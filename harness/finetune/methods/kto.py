"""Kahneman-Tversky optimisation (Ethayarajh et al. 2024, arXiv 2402.01306): answers that are labelled good or bad.

The KL term is estimated on answers to other prompts of the rows that are in memory at a time, so that these must be
two or more, and neighbours must not answer one prompt.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from typing import Any

from ...errors import DataError, UsageError
from ...tasks.prompt_format import Recipe
from ..config import TrainingConfig
from ..rows import ParseRow, TrainingRow
from ..tokens import Encoded
from .preference import parse_answer, parse_instruction

SEQUENCES = 1
CURVES: Mapping[str, str] = {"reward margin": "rewards/margins", "KL divergence": "kl"}


def needs_reference(config: TrainingConfig) -> bool:
    """Tell whether all weights are trained."""
    return config.lora is None


def make_parser(config: TrainingConfig, recipe: Recipe) -> ParseRow:
    """Return the parser of rows with `prompt`, `completion` and `label`."""

    def parse_row(value: Mapping[str, Any], where: str) -> TrainingRow:
        label = value.get("label")
        if not isinstance(label, bool):
            raise DataError(f'{where}: "label" is {label!r:.60}; expected true or false')
        return TrainingRow(
            instruction=parse_instruction(value, where, recipe),
            input="",
            output=parse_answer(value, "completion", where),
            label=label,
            where=where,
        )

    return parse_row


def build_columns(encoded: Encoded, order: Sequence[int], micro: int) -> dict[str, list[Any]]:
    """Return token ids of prompts and answers, labels, and each row's answer to another prompt, as TRL pairs them."""
    prompts, answers = encoded.prompt_ids, encoded.answers
    parts = [order[start : start + micro] for start in range(0, len(order), micro)]
    return {
        "prompt_ids": [prompts[index] for index in order],
        "completion_ids": [answers[index] for index in order],
        "KL_completion_ids": [answers[index] for part in parts for index in (part[-1], *part[:-1])],
        "label": [encoded.rows[index].label for index in order],
    }


def build_arguments(config: TrainingConfig, common: Mapping[str, Any]) -> Any:
    """Return TRL's KTOConfig.

    Raises:
        UsageError: one row is in memory at a time.
    """
    from trl.trainer.kto_config import KTOConfig

    if common["per_device_train_batch_size"] < 2:
        raise UsageError("micro_batch_size is 1, and kto compares rows that are in memory together; choose 2 or more")
    return KTOConfig(**common, beta=config.beta, max_length=config.max_length)


def make_trainer(
    config: TrainingConfig, parts: Mapping[str, Any], data: Sequence[Encoded], resources: ExitStack
) -> Any:
    """Return TRL's KTOTrainer on token ids."""
    from trl.trainer.kto_trainer import KTOTrainer

    class OnTokens(KTOTrainer):
        def _prepare_dataset(self, dataset: Any, *_: Any) -> Any:
            return dataset

    return OnTokens(**parts)
