"""Kahneman-Tversky optimisation (Ethayarajh et al. 2024, arXiv 2402.01306): answers that are labelled good or bad.

The KL term is estimated on answers to other prompts of the rows that are in memory at a time: two or more. Rows are not
sorted by length within a step, because that would bring the answers to one prompt together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from ...errors import DataError, UsageError
from ...tasks.prompt_format import Recipe
from ..config import TrainingConfig
from ..rows import ParseRow, TrainingRow
from ..tokens import Encoded
from .method import Method
from .preference import parse_answer, parse_instruction


class Kto(Method):
    """TRL's KTOTrainer on token ids."""

    curves: Mapping[str, str] = {"reward margin": "rewards/margins", "KL divergence": "kl"}

    def make_parser(self, config: TrainingConfig, recipe: Recipe) -> ParseRow:
        return partial(parse_labelled, recipe)

    def build_columns(self, encoded: Encoded, order: Sequence[int], micro: int) -> dict[str, list[Any]]:
        prompts, answers = encoded.prompt_ids, encoded.answers
        parts = [order[start : start + micro] for start in range(0, len(order), micro)]
        return {
            "prompt_ids": [prompts[index] for index in order],
            "completion_ids": [answers[index] for index in order],
            # the answer to another prompt, as TRL pairs them
            "KL_completion_ids": [answers[index] for part in parts for index in (part[-1], *part[:-1])],
            "label": [encoded.rows[index].label for index in order],
        }

    def build_arguments(self, config: TrainingConfig, common: Mapping[str, Any]) -> Any:
        from trl.trainer.kto_config import KTOConfig

        if common["per_device_train_batch_size"] < 2:
            raise UsageError(
                "micro_batch_size is 1, and kto compares rows that are in memory together; choose 2 or more"
            )
        return KTOConfig(**common, beta=config.beta, max_length=config.max_length)

    def make_trainer(self, config: TrainingConfig, parts: Mapping[str, Any], data: Sequence[Encoded], **_: Any) -> Any:
        from trl.trainer.kto_trainer import KTOTrainer

        class OnTokens(KTOTrainer):
            def _prepare_dataset(self, dataset: Any, *_: Any) -> Any:
                return dataset

        return OnTokens(**parts)


def parse_labelled(recipe: Recipe, value: Mapping[str, Any], where: str) -> TrainingRow:
    """Return a row of `prompt`, `completion` and `label`.

    Raises:
        DataError: one of them does not fit.
    """
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
