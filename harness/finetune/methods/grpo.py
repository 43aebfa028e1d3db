"""Group relative policy optimisation (Shao et al. 2024, arXiv 2402.03300): answers are sampled and rewarded by tests.

Rows name problems by their ids; the tests stay with `harness.rewards`, whose verdicts no program can forge. TRL's
defaults decide what is not set here (the loss is DAPO's, rewards are scaled by their group).
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
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

SEQUENCES = 1
CURVES: Mapping[str, str] = {"reward": "reward", "KL divergence": "kl"}
ID_FIELDS = ("task_id", "id")


def needs_reference(config: TrainingConfig) -> bool:
    """Tell whether the KL divergence from the base counts, and no adapter could be switched off for it."""
    return bool(config.beta) and config.lora is None


def make_parser(config: TrainingConfig, recipe: Recipe) -> ParseRow:
    """Return the parser of rows with `instruction`, `input` and the id of a problem (`task_id`, or else `id`).

    Raises:
        UsageError: the problems are a benchmark's whose figures are reported.
        DataError: they cannot be read.
    """
    known = list_problems(**_name_problems(config), environment=config.environment)

    def parse_row(value: Mapping[str, Any], where: str) -> TrainingRow:
        key = next((value[name] for name in ID_FIELDS if name in value), None)
        if not isinstance(key, str) or key not in known:
            hint = suggest(key, known, "") if isinstance(key, str) else ""
            raise DataError(f'{where}: "task_id" is {key!r:.60}, which {config.problems} has no tests for.{hint}')
        texts = parse_texts(value, where)
        return TrainingRow(instruction=texts["instruction"], input=texts["input"], output="", task_id=key, where=where)

    return parse_row


def build_columns(encoded: Encoded, order: Sequence[int], micro: int) -> dict[str, list[Any]]:
    """Return prompts as texts, and ids of problems; no tests, because TRL logs columns."""
    return {
        "prompt": [encoded.prompts[index].text for index in order],
        "task_id": [encoded.rows[index].task_id for index in order],
    }


def build_arguments(config: TrainingConfig, common: Mapping[str, Any]) -> Any:
    """Return TRL's GRPOConfig."""
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
    config: TrainingConfig, parts: Mapping[str, Any], data: Sequence[Encoded], resources: ExitStack
) -> Any:
    """Return TRL's GRPOTrainer, whose prompts have the ids of evaluation and whose rewards are verdicts."""
    from trl.trainer.grpo_trainer import GRPOTrainer

    ids = {prompt.text: list(prompt.token_ids or ()) for encoded in data for prompt in encoded.prompts}

    class OnTokens(GRPOTrainer):
        def _tokenize_prompts(self, prompts: list[str]) -> Any:
            return [ids[prompt] for prompt in prompts], None, {}

    reward = Verdicts(
        **_name_problems(config),
        environment=config.environment,
        score=config.score,
        url=config.judge,
        token=os.environ.get(TOKEN_VARIABLE),
        sandbox=config.sandbox,
    )
    resources.callback(reward.close)
    return OnTokens(**parts, reward_funcs=reward)


def _name_problems(config: TrainingConfig) -> dict[str, Any]:
    if config.problems_file is not None:
        return {"problems": config.problems_file}
    check_for_training(str(config.problems))
    return {"benchmark": config.problems}
