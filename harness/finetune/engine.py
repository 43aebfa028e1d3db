"""TRL's SFTTrainer as a configuration asks for it. Everything that imports torch, TRL or PEFT for training is here."""

from __future__ import annotations

import os
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ..errors import INFRASTRUCTURE, ModelError, UsageError
from ..models.adapters import CONFIGURATION
from ..models.checkpoint import json_object, one_line
from ..store import write_json
from .config import ALL_LINEAR, Lora, TrainingConfig
from .folder import ABOUT, STATES
from .tokens import Encoded

MICRO_BATCH = {"cuda": 8, "cpu": 4}
"""Rows in memory at a time, at most; a processor gains nothing from more, and pads less with fewer."""
EVALUATIONS = 10
EVALUATION_SHARE = 0.1
"""Of the training's work, at most; the first and the last measure come on top."""
SAVES = 10
"""Where several processes save states."""
NEEDED = ("torch", "transformers", "trl", "peft", "datasets", "accelerate")


def check_installed() -> None:
    """See that training is possible at all.

    Raises:
        ModelError: a package is missing.
    """
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        raise ModelError(f"training needs the packages {', '.join(missing)}: install evol-harness[train]")


def on_accelerator() -> bool:
    """Whether training runs on one."""
    import torch

    return torch.cuda.is_available()


def world_size() -> int:
    """Processes that train together, as a launcher says it."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def shards() -> int:
    """Processes that share weights and states: all of them under FSDP and DeepSpeed, as accelerate says it."""
    shared = ("ACCELERATE_USE_FSDP", "ACCELERATE_USE_DEEPSPEED")
    return world_size() if any(os.environ.get(name) == "true" for name in shared) else 1


def is_main() -> bool:
    """Whether this is the process that writes."""
    return int(os.environ.get("RANK", "0")) == 0


def chosen_dtype(asked: str) -> str:
    """The type of the computation on this hardware.

    Raises:
        UsageError: the hardware cannot train in it.
    """
    import torch

    cuda = on_accelerator()
    if asked == "auto":
        if not cuda:
            return "float32"
        return "bfloat16" if torch.cuda.is_bf16_supported() else "float16"
    if asked == "float16" and not cuda:
        raise UsageError("dtype float16 trains on accelerators only; choose --dtype bfloat16 or float32")
    return asked


def split_batch(config: TrainingConfig) -> tuple[int, int]:
    """Rows in memory at a time, and how many such parts make a step of one process.

    Raises:
        UsageError: the batch does not divide.
    """
    processes = world_size()
    if config.batch_size % processes:
        raise UsageError(f"batch_size is {config.batch_size}, which {processes} processes cannot share evenly")
    each = config.batch_size // processes
    most = MICRO_BATCH["cuda" if on_accelerator() else "cpu"]
    micro = config.micro_batch_size or max(size for size in range(1, most + 1) if each % size == 0)
    if each % micro:
        raise UsageError(f"micro_batch_size is {micro}, which does not divide the {each} rows of a process and step")
    return micro, each // micro


def load_base(path: Path, config: TrainingConfig, dtype: str) -> Any:
    """The base's model: float32 where all weights are trained, else in the type of the computation.

    Raises:
        ModelError: it cannot be loaded.
    """
    import torch
    from transformers import AutoModelForCausalLM

    # Updates of a few millionths vanish in 16 bits, so weights that are trained are held in 32.
    held = dtype if config.lora is not None else "float32"
    options: dict[str, Any] = {"dtype": getattr(torch, held)}
    if config.quantization != "none":
        options["quantization_config"] = _quantisation(config.quantization, getattr(torch, dtype))
    try:
        loaded: Any = AutoModelForCausalLM.from_pretrained(path, use_safetensors=True, local_files_only=True, **options)
    except (RuntimeError, ValueError, OSError, KeyError, ImportError, TypeError, AttributeError) as error:
        machine = isinstance(error, torch.OutOfMemoryError | MemoryError)
        raise ModelError(
            f"base {path} cannot be loaded: {one_line(error)}", exit_code=INFRASTRUCTURE if machine else None
        ) from error
    return loaded


def prepare_tokenizer(tokenizer: Any, vocabulary: int) -> None:
    """Give the tokenizer a pad token that the model has a row for; the vocabulary does not grow.

    Padded positions are masked and carry no loss, so that the EOS may serve.
    """
    if tokenizer.pad_token_id is None or tokenizer.pad_token_id >= vocabulary:
        tokenizer.pad_token = tokenizer.eos_token
    tokenizer.padding_side = "right"


def dataset(encoded: Encoded, order: Sequence[int]) -> Any:
    """What TRL takes as tokenised prompt-completion data, in the order of training."""
    from datasets import Dataset

    return Dataset.from_dict(
        {
            "input_ids": [encoded.input_ids[index] for index in order],
            "completion_mask": [encoded.completion_mask[index] for index in order],
        }
    )


def make_trainer(
    model: Any,
    tokenizer: Any,
    config: TrainingConfig,
    *,
    dtype: str,
    train: Any,
    held_out: Any | None,
    steps: int,
    fresh: bool,
    callback: Any,
) -> Any:
    """The trainer; nothing runs yet."""
    from trl.trainer.sft_trainer import SFTTrainer

    return SFTTrainer(
        model=model,
        args=_arguments(
            config,
            dtype,
            steps=steps,
            eval_steps=evaluation_steps(config, steps, len(train), len(held_out or ())),
            held_out=held_out is not None,
            fresh=fresh,
        ),
        train_dataset=train,
        eval_dataset=held_out,
        processing_class=tokenizer,
        peft_config=_peft(config, model),
        callbacks=[callback, *_tensorboard(config.out)],
    )


def _tensorboard(out: Path) -> list[Any]:
    """TensorBoard's log, where it is installed, in the process that writes."""
    if not find_spec("tensorboard") or not is_main():
        return []
    from torch.utils.tensorboard import SummaryWriter
    from transformers.integrations.integration_utils import TensorBoardCallback

    writer: Any = SummaryWriter
    callback: Any = TensorBoardCallback
    return [callback(writer(log_dir=str(out / ABOUT / "tensorboard")))]


def timed_saves(config: TrainingConfig) -> bool:
    """Whether states are saved by the clock, which several processes would not read alike."""
    return config.save_every is None and world_size() == 1


def evaluation_steps(config: TrainingConfig, steps: int, rows: int, held_out: int) -> int:
    """Steps between two held-out losses; a row costs a third there of what it costs in training."""
    affordable = int(EVALUATION_SHARE * 3 * rows / held_out) if held_out else 0
    return config.eval_every or max(1, steps // max(1, min(EVALUATIONS, affordable)))


def _arguments(config: TrainingConfig, dtype: str, *, steps: int, eval_steps: int, held_out: bool, fresh: bool) -> Any:
    from trl.trainer.sft_config import SFTConfig

    micro, parts = split_batch(config)
    return SFTConfig(
        output_dir=str(config.out / STATES),
        per_device_train_batch_size=micro,
        per_device_eval_batch_size=micro,
        gradient_accumulation_steps=parts,
        num_train_epochs=1,  # the order holds all passes
        max_steps=steps if config.packing and config.max_steps is not None else -1,
        learning_rate=config.learning_rate,
        lr_scheduler_type=config.schedule,
        warmup_steps=config.warmup_steps,
        weight_decay=config.weight_decay,
        max_grad_norm=config.max_grad_norm,
        max_length=config.max_length,
        packing=config.packing,
        eval_packing=False,
        # packs come out sorted by length
        shuffle_dataset=config.packing,
        completion_only_loss=True,
        bf16=dtype == "bfloat16",
        fp16=dtype == "float16",
        use_cpu=not on_accelerator(),
        gradient_checkpointing=config.gradient_checkpointing,
        seed=config.seed,
        data_seed=config.seed,
        train_sampling_strategy="sequential",
        logging_steps=config.log_every,
        eval_strategy="steps" if held_out else "no",
        eval_steps=eval_steps,
        eval_on_start=held_out and fresh,
        save_strategy="no" if timed_saves(config) else "steps",
        save_steps=config.save_every or max(1, steps // SAVES),
        save_total_limit=2,
        report_to="none",  # TensorBoard is a callback of `make_trainer`, in a folder that stays
        disable_tqdm=True,
    )


def _peft(config: TrainingConfig, model: Any) -> Any | None:
    if config.lora is None:
        return None
    from peft import LoraConfig

    lora = config.lora
    return LoraConfig(
        r=lora.r,
        lora_alpha=lora.alpha,
        lora_dropout=lora.dropout,
        target_modules=_targets(lora, model),
        bias="none",
        task_type="CAUSAL_LM",
    )


def _targets(lora: Lora, model: Any) -> list[str]:
    """The modules to adapt, by the last part of their names, as engines that load adapters expect them.

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


def _quantisation(name: str, dtype: Any) -> Any:
    if find_spec("bitsandbytes") is None:
        raise ModelError(f"quantization {name} needs the package bitsandbytes: install evol-harness[qlora]")
    from transformers import BitsAndBytesConfig

    make: Any = BitsAndBytesConfig
    if name == "8bit":
        return make(load_in_8bit=True)
    return make(
        load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True, bnb_4bit_compute_dtype=dtype
    )


def save(trainer: Any, tokenizer: Any, config: TrainingConfig, base: Path) -> None:
    """Write the checkpoint, or the adapter, and the tokenizer; weights in the type that the base has on the disk."""
    import torch
    from transformers import AutoConfig

    out = str(config.out)
    if world_size() > 1:
        trainer.save_model(out)
    elif config.lora is None:
        published = getattr(AutoConfig.from_pretrained(base, local_files_only=True), "dtype", None)
        model = trainer.model.to(published if isinstance(published, torch.dtype) else torch.float32)
        model.save_pretrained(out)
    else:
        trainer.model.save_pretrained(out)
    if config.lora is not None:
        _settle_adapter(config.out)
    tokenizer.save_pretrained(out)


def _settle_adapter(folder: Path) -> None:
    """PEFT writes names in the order of a set, and a card without content: the same adapter has the same bytes here."""
    (folder / "README.md").unlink(missing_ok=True)
    settings = json_object(folder / CONFIGURATION)
    write_json(folder / CONFIGURATION, {**settings, "target_modules": sorted(settings["target_modules"])})
