"""The prompt recipes, under the path that benchmarks written by others import; see `harness.tasks.recipes`."""

from .extraction.rules import Extraction
from .tasks.prompt_format import Recipe
from .tasks.published import (
    BIGCODEBENCH_INSTRUCT,
    DEEPSEEK_CODER_MBPP,
    EVALPLUS_CHAT,
    LM_EVAL_INSTRUCT_MBPP,
    LM_EVAL_MBPP,
    build_lm_eval_mbpp,
)
from .tasks.recipes import (
    ALPACA,
    CHAT,
    COMPLETION,
    COMPLETION_STRIPPED,
    FIM,
    FIM_LINES,
    RECIPES,
    WIZARDCODER,
    WIZARDCODER_HUMANEVAL,
    WIZARDCODER_MBPP,
    WIZARDCODER_MBPP_PLUS,
    recipe,
)

__all__ = [
    "ALPACA",
    "BIGCODEBENCH_INSTRUCT",
    "CHAT",
    "COMPLETION",
    "COMPLETION_STRIPPED",
    "DEEPSEEK_CODER_MBPP",
    "EVALPLUS_CHAT",
    "FIM",
    "FIM_LINES",
    "LM_EVAL_INSTRUCT_MBPP",
    "LM_EVAL_MBPP",
    "RECIPES",
    "WIZARDCODER",
    "WIZARDCODER_HUMANEVAL",
    "WIZARDCODER_MBPP",
    "WIZARDCODER_MBPP_PLUS",
    "Extraction",
    "Recipe",
    "build_lm_eval_mbpp",
    "recipe",
]
