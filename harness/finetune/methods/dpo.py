"""Direct preference optimisation (Rafailov et al. 2023, arXiv 2305.18290): pairs of a better and a worse answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from ...tasks.prompt_format import Recipe
from ..config import TrainingConfig
from ..rows import ParseRow, TrainingRow
from ..tokens import Encoded
from .method import Method
from .preference import parse_answer, parse_instruction


class Dpo(Method):
    """TRL's DPOTrainer on token ids."""

    sequences = 2
    curves: Mapping[str, str] = {"reward margin": "rewards/margins", "reward accuracy": "rewards/accuracies"}

    def make_parser(self, config: TrainingConfig, recipe: Recipe) -> ParseRow:
        return partial(parse_pair, recipe)

    def build_columns(self, encoded: Encoded, order: Sequence[int], micro: int) -> dict[str, list[Any]]:
        columns = {"prompt_ids": encoded.prompt_ids, "chosen_ids": encoded.answers, "rejected_ids": encoded.rejected}
        return {name: [column[index] for index in order] for name, column in columns.items()}

    def build_arguments(self, config: TrainingConfig, common: Mapping[str, Any]) -> Any:
        from trl.trainer.dpo_config import DPOConfig

        return DPOConfig(**common, beta=config.beta, max_length=config.max_length)

    def make_trainer(self, config: TrainingConfig, parts: Mapping[str, Any], data: Sequence[Encoded], **_: Any) -> Any:
        from trl.trainer.dpo_trainer import DPOTrainer

        class OnTokens(DPOTrainer):
            def _prepare_dataset(self, dataset: Any, *_: Any) -> Any:
                return dataset

        return OnTokens(**parts)


def parse_pair(recipe: Recipe, value: Mapping[str, Any], where: str) -> TrainingRow:
    """Return a row of `prompt`, `chosen` and `rejected`.

    Raises:
        DataError: one of them does not fit.
    """
    return TrainingRow(
        instruction=parse_instruction(value, where, recipe),
        input="",
        output=parse_answer(value, "chosen", where),
        rejected=parse_answer(value, "rejected", where),
        where=where,
    )
