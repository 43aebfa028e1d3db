"""Named groups of settings; a flag or a file's key overrides them.

WizardCoder's are the published ones (Luo et al. 2023, arXiv 2306.08568, and the project's README): batch 512, learning
rate 2e-5, cosine with 30 steps of warm-up, 2048 tokens, fp16, ZeRO stage 3. The README trains three epochs; the paper
says 200 steps (`--max-steps 200`). Both sizes share them; only the micro-batch, which is our choice, differs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import UsageError, suggest

_WIZARDCODER: Mapping[str, Any] = {
    "recipe": "wizardcoder",
    "epochs": 3.0,
    "batch_size": 512,
    "learning_rate": 2e-5,
    "schedule": "cosine",
    "warmup_steps": 30,
    "max_length": 2048,
    "dtype": "float16",
    "gradient_checkpointing": True,
}

PRESETS: Mapping[str, Mapping[str, Any]] = {
    "wizardcoder-15b": {**_WIZARDCODER, "micro_batch_size": 4},
    "wizardcoder-34b": {**_WIZARDCODER, "micro_batch_size": 2},
    "small": {
        "recipe": "wizardcoder",
        "epochs": 1.0,
        "batch_size": 16,
        "learning_rate": 5e-5,
        "schedule": "cosine",
        "max_length": 1024,
    },
    "small-lora": {
        "recipe": "wizardcoder",
        "epochs": 1.0,
        "batch_size": 16,
        "learning_rate": 2e-4,
        "schedule": "cosine",
        "max_length": 1024,
        "lora": "16,32,all-linear",
    },
}


def get_preset(name: str) -> dict[str, Any]:
    """Return the settings called `name`.

    Raises:
        UsageError: there is no such preset.
    """
    if name not in PRESETS:
        raise UsageError(f'preset "{name}" is not known.{suggest(name, PRESETS)}')
    return dict(PRESETS[name])
