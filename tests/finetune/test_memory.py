"""What a training needs, worked out from the files of the base."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from harness.errors import ModelError
from harness.finetune.config import Lora
from harness.finetune.memory import Batch, check_memory, estimate_memory, read_available_bytes
from tests.finetune.world import small

BATCH = Batch(rows=4, length=100, keeps_scores=False)


def parameters(base: Path, lora: Lora | None) -> tuple[int, int]:
    """All and the trained ones, counted on the model itself."""
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    model: Any = AutoModelForCausalLM.from_pretrained(base)
    total = sum(one.numel() for one in model.parameters())
    if lora is None:
        return total, total
    model = get_peft_model(model, LoraConfig(r=lora.r, target_modules="all-linear", task_type="CAUSAL_LM"))
    return total, sum(one.numel() for one in model.parameters() if one.requires_grad)


@pytest.mark.parametrize("lora", [None, Lora(r=8)])
def test_states_are_counted_by_the_parameters_that_are_trained(base: Path, tmp_path: Path, lora: Lora | None) -> None:
    """Weights, gradients and AdamW's two moments in float32, each parameter once."""
    total, trained = parameters(base, lora)

    found = estimate_memory(base, small(base, base, tmp_path, lora=lora), dtype="float32", batch=BATCH)

    assert found.gradients == 4 * trained and found.optimiser == 8 * trained
    assert found.weights == 4 * total + (4 * trained if lora else 0)


def test_what_saves_memory_lowers_the_estimate(base: Path, tmp_path: Path) -> None:
    """Recomputed activations, fewer rows, processes that share; 16 bits copy the weights and halve the rest."""
    plain = small(base, base, tmp_path)
    whole = estimate_memory(base, plain, dtype="float32", batch=BATCH)
    recomputed = estimate_memory(
        base, small(base, base, tmp_path, gradient_checkpointing=True), dtype="float32", batch=BATCH
    )
    fewer = estimate_memory(base, plain, dtype="float32", batch=Batch(rows=2, length=100, keeps_scores=False))
    shared = estimate_memory(base, plain, dtype="float32", batch=BATCH, shards=4)
    half = estimate_memory(base, plain, dtype="bfloat16", batch=BATCH)

    assert recomputed.activations < whole.activations == 2 * fewer.activations == 2 * half.activations
    assert shared.optimiser == round(whole.optimiser / 4) and shared.activations == whole.activations
    assert half.weights == round(1.5 * whole.weights)


def test_too_little_memory_is_told_with_both_figures(base: Path, tmp_path: Path) -> None:
    """And what would help; unknown memory refuses nothing."""
    found = estimate_memory(base, small(base, base, tmp_path), dtype="float32", batch=BATCH)
    with pytest.raises(
        ModelError, match=r"needs about 0\.7 GB \(.*\) in each process, and 0\.1 GB are available"
    ) as caught:
        check_memory(found, 100_000_000)
    assert caught.value.exit_code == 3 and "--lora" in str(caught.value)
    check_memory(found, None)
    free = read_available_bytes()
    assert free is not None and 0 < free < 1 << 50
