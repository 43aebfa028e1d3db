"""What a method of training has: rows of its own, and TRL's trainer for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from typing import Any, Protocol

from ...tasks.prompt_format import Recipe
from ..config import TrainingConfig
from ..rows import ParseRow
from ..tokens import Encoded


class Method(Protocol):
    """A method; TRL is imported only inside its functions."""

    sequences: int = 1
    """Sequences with a gradient that a row puts into memory."""
    curves: Mapping[str, str] = {}
    """Curves besides the loss: name for people, and key in TRL's log."""

    def needs_reference(self, config: TrainingConfig) -> bool:
        """Tell whether the base stays in memory beside the trained weights; an adapter can be switched off instead."""
        return config.lora is None

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
        *,
        tell: Callable[[str], None],
        resources: ExitStack,
    ) -> Any:
        """Return TRL's trainer from its common `parts`; `data` are the rows, and those held out.

        `resources` closes what the trainer needs, and `tell` is given a line for what goes wrong in it.
        """
