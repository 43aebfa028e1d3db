"""Group relative policy optimisation (Shao et al. 2024, arXiv 2402.03300): answers are sampled and rewarded by tests.

Rows name problems by their ids; the tests stay with `harness.rewards`, whose verdicts no program can forge. TRL's
defaults decide what is not set here (the loss is DAPO's, rewards are scaled by their group).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from typing import Any

from ...data.alpaca import parse_texts
from ...errors import DataError, suggest
from ...rewards.verdicts import Verdicts, list_problems
from ...service.server import TOKEN_VARIABLE
from ...tasks.prompt_format import Recipe
from ..config import TrainingConfig
from ..examples import check_for_training
from ..rows import ParseRow, TrainingRow
from ..tokens import Encoded
from .method import Method

ID_FIELDS = ("task_id", "id")


class Grpo(Method):
    """TRL's GRPOTrainer, whose prompts have the ids of evaluation and whose rewards are verdicts."""

    curves: Mapping[str, str] = {"reward": "reward", "KL divergence": "kl"}

    def needs_reference(self, config: TrainingConfig) -> bool:
        return bool(config.beta) and config.lora is None

    def make_parser(self, config: TrainingConfig, recipe: Recipe) -> ParseRow:
        return partial(parse_problem, list_problems(**_name_problems(config)))

    def build_columns(self, encoded: Encoded, order: Sequence[int], micro: int) -> dict[str, list[Any]]:
        # no tests, because TRL logs columns
        return {
            "prompt": [encoded.prompts[index].text for index in order],
            "task_id": [encoded.rows[index].task_id for index in order],
        }

    def build_arguments(self, config: TrainingConfig, common: Mapping[str, Any]) -> Any:
        from trl.trainer.grpo_config import GRPOConfig

        return GRPOConfig(
            **common,
            beta=config.beta,
            num_generations=config.generations,
            num_generations_eval=1,
            max_completion_length=config.answer_length,
            temperature=config.temperature,
            shuffle_dataset=False,
        )

    def make_trainer(
        self,
        config: TrainingConfig,
        parts: Mapping[str, Any],
        data: Sequence[Encoded],
        *,
        tell: Callable[[str], None],
        resources: ExitStack,
    ) -> Any:
        from trl.trainer.grpo_trainer import GRPOTrainer

        ids = {prompt.text: list(prompt.token_ids or ()) for encoded in data for prompt in encoded.prompts}

        class OnTokens(GRPOTrainer):
            def _tokenize_prompts(self, prompts: list[str]) -> Any:
                return [ids[prompt] for prompt in prompts], None, {}

        reward = Verdicts(
            **_name_problems(config),
            score=config.score,
            url=config.judge,
            token=os.environ.get(TOKEN_VARIABLE),
            sandbox=config.sandbox,
            tell=tell,
        )
        resources.callback(reward.close)
        return OnTokens(**parts, reward_funcs=reward)


def parse_problem(known: Mapping[str, Any], value: Mapping[str, Any], where: str) -> TrainingRow:
    """Return a row of `instruction`, `input` and the id of a `known` problem: `task_id`, or else `id`.

    Raises:
        DataError: one of them does not fit.
    """
    key = next((value[name] for name in ID_FIELDS if name in value), None)
    if not isinstance(key, str) or key not in known:
        hint = suggest(key, known, "") if isinstance(key, str) else ""
        raise DataError(f'{where}: "task_id" is {key!r:.60}, which names no problem that has tests.{hint}')
    texts = parse_texts(value, where)
    return TrainingRow(instruction=texts["instruction"], input=texts["input"], output="", task_id=key, where=where)


def _name_problems(config: TrainingConfig) -> dict[str, Any]:
    """Return the problems as arguments of `Verdicts`.

    Raises:
        UsageError: they are a benchmark's whose figures are reported.
    """
    if config.problems_file is not None:
        return {"problems": config.problems_file, "environment": config.environment}
    check_for_training(str(config.problems))
    return {"benchmark": config.problems, "environment": config.environment}
