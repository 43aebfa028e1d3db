"""Supervised fine-tuning: imitate the answers of Alpaca's rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ...tasks.prompt_format import Recipe
from ..config import TrainingConfig
from ..rows import ParseRow, parse_alpaca_row
from ..tokens import Encoded
from .method import Method

IGNORED = -100
"""The label of tokens without a loss."""


class Sft(Method):
    """TRL's SFTTrainer, with a held-out loss that is the mean over all answer tokens.

    The trainer weights batches by their rows, so its loss depends on which rows share a batch. Here a batch's loss is
    scaled by its tokens per row over those of all rows.
    """

    def needs_reference(self, config: TrainingConfig) -> bool:
        return False

    def make_parser(self, config: TrainingConfig, recipe: Recipe) -> ParseRow:
        return parse_alpaca_row

    def build_columns(self, encoded: Encoded, order: Sequence[int], micro: int) -> dict[str, list[Any]]:
        columns = {"input_ids": encoded.input_ids, "completion_mask": encoded.completion_mask}
        return {name: [column[index] for index in order] for name, column in columns.items()}

    def build_arguments(self, config: TrainingConfig, common: Mapping[str, Any]) -> Any:
        from trl.trainer.sft_config import SFTConfig

        return SFTConfig(
            **common,
            # packing needs fewer steps than rows would
            max_steps=config.max_steps if config.packing and config.max_steps is not None else -1,
            max_length=config.max_length,
            packing=config.packing,
            eval_packing=False,
            # packs come out sorted by length
            shuffle_dataset=config.packing,
            completion_only_loss=True,
        )

    def make_trainer(self, config: TrainingConfig, parts: Mapping[str, Any], data: Sequence[Encoded], **_: Any) -> Any:
        from trl.trainer.sft_trainer import SFTTrainer

        held_out = parts["eval_dataset"]
        if held_out is None:
            return SFTTrainer(**parts)
        tokens_per_row = sum(map(sum, held_out["completion_mask"])) / len(held_out)

        class ByToken(SFTTrainer):
            def prediction_step(self, model: Any, inputs: Any, *rest: Any, **named: Any) -> Any:
                labels = inputs["labels"]
                # without padding, rows follow one another and their positions restart
                rows = (inputs["position_ids"] == 0).sum() if "position_ids" in inputs else labels.shape[0]
                scale = (labels != IGNORED).sum() / rows / tokens_per_row
                loss, logits, targets = super().prediction_step(model, inputs, *rest, **named)
                return loss * scale.to(loss.device), logits, targets

        return ByToken(**parts)
