"""LoRA's configuration for PEFT, and how the base is quantised under it (Dettmers et al. 2023, arXiv 2305.14314)."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

from ..errors import ModelError, UsageError, install_hint
from .config import ALL_LINEAR, Lora, TrainingConfig


def build_peft_config(config: TrainingConfig, model: Any) -> Any | None:
    if config.lora is None:
        return None
    from peft import LoraConfig

    lora = config.lora
    return LoraConfig(
        r=lora.r,
        lora_alpha=lora.alpha,
        lora_dropout=lora.dropout,
        target_modules=_find_targets(lora, model),
        bias="none",
        task_type="CAUSAL_LM",
    )


def _find_targets(lora: Lora, model: Any) -> list[str]:
    """Return the modules to adapt by the last part of their names, as engines that load adapters expect them.

    Raises:
        UsageError: the model has none of a name.
    """
    import torch
    from transformers.pytorch_utils import Conv1D

    output = model.get_output_embeddings()
    # A quantised matrix is a Linear as well; GPT-2's family has a class of its own.
    kinds: tuple[type, ...] = (torch.nn.Linear, Conv1D)
    known = {
        name.rpartition(".")[2]
        for name, module in model.named_modules()
        if isinstance(module, kinds) and module is not output
    }
    if lora.targets == (ALL_LINEAR,):
        return sorted(known)
    for target in lora.targets:
        if target not in known:
            raise UsageError(f'lora target "{target}" is no matrix of this model; it has {", ".join(sorted(known))}')
    return sorted(lora.targets)


def build_quantization(name: str, dtype: Any) -> Any:
    if find_spec("bitsandbytes") is None:
        raise ModelError(f"quantization {name} needs the package bitsandbytes: {install_hint('qlora')}")
    from transformers import BitsAndBytesConfig

    make: Any = BitsAndBytesConfig
    if name == "8bit":
        return make(load_in_8bit=True)
    return make(
        load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True, bnb_4bit_compute_dtype=dtype
    )
