"""The prompt recipes, under the path that benchmarks written by others import; see `harness.tasks.recipes`."""

from .tasks.extraction import Extraction
from .tasks.recipes import (
    ALPACA,
    CHAT,
    COMPLETION,
    COMPLETION_STRIPPED,
    RECIPES,
    WIZARDCODER,
    WIZARDCODER_HUMANEVAL,
    WIZARDCODER_MBPP,
    WIZARDCODER_MBPP_PLUS,
    Recipe,
    recipe,
)

__all__ = [
    "ALPACA",
    "CHAT",
    "COMPLETION",
    "COMPLETION_STRIPPED",
    "RECIPES",
    "WIZARDCODER",
    "WIZARDCODER_HUMANEVAL",
    "WIZARDCODER_MBPP",
    "WIZARDCODER_MBPP_PLUS",
    "Extraction",
    "Recipe",
    "recipe",
]
