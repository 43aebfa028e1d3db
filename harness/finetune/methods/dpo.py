"""Direct preference optimisation (Rafailov et al. 2023, arXiv 2305.18290): pairs of a better and a worse answer.

TRL keeps the base beside the trained weights, or under LoRA switches the adapter off, and logs how far the implied
reward of the better answers is above that of the others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from typing import Any

from ...tasks.prompt_format import Recipe
from ..config import TrainingConfig
from ..rows import ParseRow, TrainingRow
from ..tokens import Encoded
from .preference import parse_answer, parse_instruction

SEQUENCES = 2
CURVES: Mapping[str, str] = {"reward margin": "rewards/margins", "reward accuracy": "rewards/accuracies"}


def needs_reference(config: TrainingConfig) -> bool:
    """Tell whether all weights are trained."""
    return config.lora is None


def make_parser(config: TrainingConfig, recipe: Recipe) -> ParseRow:
    """Return the parser of rows with `prompt`, `chosen` and `rejected`."""

    def parse_row(value: Mapping[str, Any], where: str) -> TrainingRow:
        return TrainingRow(
            instruction=parse_instruction(value, where, recipe),
            input="",
            output=parse_answer(value, "chosen", where),
            rejected=parse_answer(value, "rejected", where),
            where=where,
        )

    return parse_row


def build_columns(encoded: Encoded, order: Sequence[int], micro: int) -> dict[str, list[Any]]:
    """Return token ids of prompts and of both answers."""
    columns = {"prompt_ids": encoded.prompt_ids, "chosen_ids": encoded.answers, "rejected_ids": encoded.rejected}
    return {name: [column[index] for index in order] for name, column in columns.items()}


def build_arguments(config: TrainingConfig, common: Mapping[str, Any]) -> Any:
    """Return TRL's DPOConfig."""
    from trl.trainer.dpo_config import DPOConfig

    return DPOConfig(**common, beta=config.beta, max_length=config.max_length)


def make_trainer(
    config: TrainingConfig, parts: Mapping[str, Any], data: Sequence[Encoded], resources: ExitStack
) -> Any:
    """Return TRL's DPOTrainer on token ids."""
    from trl.trainer.dpo_trainer import DPOTrainer

    class OnTokens(DPOTrainer):
        def _prepare_dataset(self, dataset: Any, *_: Any) -> Any:
            return dataset

    return OnTokens(**parts)
