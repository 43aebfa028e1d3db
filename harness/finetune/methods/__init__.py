"""Methods of training, a module each: what their rows hold, and how TRL's trainer of them is built.

What all of them share (prompts, tokens, order, states, manifest) is in the modules above this folder. TRL would
tokenize texts by itself; its trainers are given token ids instead, so that every method trains on the ids that the
checkpoint is evaluated with.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from typing import Any, Protocol

from ...tasks.prompt_format import Recipe
from ..config import TrainingConfig
from ..rows import ParseRow
from ..tokens import Encoded
from . import dpo, grpo, kto, sft


class Method(Protocol):
    """What a module of this folder has."""

    SEQUENCES: int
    """Sequences with a gradient that a row puts into memory."""
    CURVES: Mapping[str, str]
    """Curves besides the loss: name for people, and key in TRL's log."""

    def needs_reference(self, config: TrainingConfig) -> bool:
        """Tell whether the base stays in memory beside the trained weights."""

    def make_parser(self, config: TrainingConfig, recipe: Recipe) -> ParseRow:
        """Return what makes rows of JSON objects.

        Raises:
            UsageError, DataError: a setting or a file that rows refer to does not fit.
        """

    def build_columns(self, encoded: Encoded, order: Sequence[int], micro: int) -> dict[str, list[Any]]:
        """Return the columns of TRL's data set; `micro` rows are in memory at a time."""

    def build_arguments(self, config: TrainingConfig, common: Mapping[str, Any]) -> Any:
        """Return TRL's configuration from the arguments that all methods have in common."""

    def make_trainer(
        self,
        config: TrainingConfig,
        parts: Mapping[str, Any],
        data: Sequence[Encoded],
        resources: ExitStack,
    ) -> Any:
        """Return TRL's trainer from its common `parts`; `data` are the rows, and those held out.

        `resources` closes what the trainer needs.
        """


METHODS: Mapping[str, Method] = {"sft": sft, "dpo": dpo, "kto": kto, "grpo": grpo}
