"""Fine-tuning on an accelerator: what test_train.py asks of any machine, its own types, and a quantised base.

Equal digests are not asked for: sums on an accelerator come in another order each time.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.finetune.config import Lora
from harness.finetune.train import finetune
from tests.finetune.test_train import (  # noqa: F401
    data,
    test_a_budget_of_tokens_counts_answers,
    test_a_pad_token_does_not_grow_the_vocabulary,
    test_a_training_ends_in_a_checkpoint_with_its_manifest,
    test_losses_are_those_of_the_answer_tokens,
)
from tests.finetune.world import small, write_data

pytestmark = pytest.mark.gpu


@pytest.mark.parametrize("dtype", ["auto", "bfloat16", "float16"])
def test_sixteen_bits_learn_as_well(base: Path, tmp_path: Path, dtype: str) -> None:
    """The held-out loss falls; "auto" takes the type that the hardware has."""
    rows = write_data(tmp_path / "data.jsonl")
    trained = finetune(small(base, rows, tmp_path / "out", held_out=0.25, epochs=4, dtype=dtype), tell=lambda _: None)
    assert trained.losses["held_out"][-1][1] < trained.losses["held_out"][0][1] - 0.5
    assert trained.manifest["dtype"] == (dtype if dtype != "auto" else trained.manifest["dtype"]) != "float32"


def test_adapters_are_trained_on_a_quantised_base(base: Path, tmp_path: Path) -> None:
    """QLoRA: four bits below, and the loss falls."""
    pytest.importorskip("bitsandbytes", reason="the package bitsandbytes is not installed")
    settings = {"lora": Lora(r=4, alpha=8), "quantization": "4bit", "dtype": "bfloat16", "learning_rate": 1e-2}
    rows = write_data(tmp_path / "data.jsonl")
    trained = finetune(small(base, rows, tmp_path / "out", held_out=0.25, epochs=4, **settings), tell=lambda _: None)
    assert trained.losses["held_out"][-1][1] < trained.losses["held_out"][0][1] - 0.5
