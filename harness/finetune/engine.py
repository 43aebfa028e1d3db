"""Build and run TRL's trainer of a method from a configuration: what all methods have in common."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ..errors import INFRASTRUCTURE, ModelError
from ..models.adapters import CONFIGURATION
from ..models.checkpoint import read_json_object, summarize_error
from ..store import write_json
from .config import TrainingConfig
from .folder import ABOUT, STATES
from .lora import build_peft_config, build_quantization
from .machine import count_shards, get_world_size, has_accelerator, is_main, split_batch
from .material import Material
from .methods import METHODS

EVALUATIONS = 10
EVALUATION_SHARE = 0.1
"""Largest fraction of the training's work; the first and the last evaluation are extra."""
SAVES = 10
"""Number of saved states if several processes train."""


def load_base(path: Path, config: TrainingConfig, dtype: str) -> Any:
    """Load the base's model: in float32 if all weights are trained, else in the type of the computation.

    Raises:
        ModelError: it cannot be loaded.
    """
    import torch
    from transformers import AutoModelForCausalLM

    # Updates of a few millionths vanish in 16 bits, so trained weights are float32.
    held = dtype if config.lora is not None else "float32"
    options: dict[str, Any] = {"dtype": getattr(torch, held)}
    if config.quantization != "none":
        options["quantization_config"] = build_quantization(config.quantization, getattr(torch, dtype))
    try:
        loaded: Any = AutoModelForCausalLM.from_pretrained(path, use_safetensors=True, local_files_only=True, **options)
    except (RuntimeError, ValueError, OSError, KeyError, ImportError, TypeError, AttributeError) as error:
        machine = isinstance(error, torch.OutOfMemoryError | MemoryError)
        raise ModelError(
            f"base {path} cannot be loaded: {summarize_error(error)}", exit_code=INFRASTRUCTURE if machine else None
        ) from error
    return loaded


def prepare_tokenizer(tokenizer: Any, vocabulary: int) -> None:
    """Give the tokenizer a pad token that the model has a row for; the vocabulary does not grow.

    Padded positions are masked and carry no loss, so EOS can be the pad token.
    """
    if tokenizer.pad_token_id is None or tokenizer.pad_token_id >= vocabulary:
        tokenizer.pad_token = tokenizer.eos_token
    tokenizer.padding_side = "right"


def make_trainer(
    model: Any,
    config: TrainingConfig,
    material: Material,
    *,
    arguments: Any,
    callback: Any,
    tell: Callable[[str], None],
    resources: ExitStack,
) -> Any:
    """Build the trainer; nothing runs yet. `resources` closes what it needs."""
    from datasets import Dataset

    method, micro = METHODS[config.method], arguments.per_device_train_batch_size
    data = [(material.train, material.order)]
    if material.held_out is not None:
        data.append((material.held_out, list(range(len(material.held_out)))))
    train, held_out = [*(Dataset.from_dict(method.build_columns(*part, micro)) for part in data), None][:2]
    parts = {
        "model": model,
        "args": arguments,
        "train_dataset": train,
        "eval_dataset": held_out,
        "processing_class": material.tokenizer,
        "peft_config": build_peft_config(config, model),
        "callbacks": [callback, *_build_tensorboard(config.out)],
    }
    return method.make_trainer(config, parts, [encoded for encoded, _ in data], tell=tell, resources=resources)


def _build_tensorboard(out: Path) -> list[Any]:
    """Return TensorBoard's callback if it is installed and this is the process that writes."""
    if not find_spec("tensorboard") or not is_main():
        return []
    from torch.utils.tensorboard import SummaryWriter
    from transformers.integrations.integration_utils import TensorBoardCallback

    writer: Any = SummaryWriter
    callback: Any = TensorBoardCallback
    return [callback(writer(log_dir=str(out / ABOUT / "tensorboard")))]


def saves_by_time(config: TrainingConfig) -> bool:
    """Return whether states are saved by the clock, which several processes would not read alike."""
    return config.save_every is None and get_world_size() == 1


def _build_schedule(config: TrainingConfig, steps: int, *, rows: int, held_out: int, fresh: bool) -> dict[str, Any]:
    """Return when losses are measured and states saved."""
    return {
        "logging_steps": config.log_every,
        "logging_nan_inf_filter": False,  # a loss that is no number is reported, not hidden
        "eval_strategy": "steps" if held_out else "no",
        "eval_steps": compute_evaluation_steps(config, steps, rows, held_out),
        "eval_on_start": bool(held_out) and fresh,
        "save_strategy": "no" if saves_by_time(config) else "steps",
        "save_steps": config.save_every or max(1, steps // SAVES),
        "save_total_limit": 2,
    }


def compute_evaluation_steps(config: TrainingConfig, steps: int, rows: int, held_out: int) -> int:
    """Return the steps between two held-out losses; a row costs a third of what it costs in training."""
    affordable = int(EVALUATION_SHARE * 3 * rows / held_out) if held_out else 0
    return config.eval_every or max(1, steps // max(1, min(EVALUATIONS, affordable)))


def build_arguments(config: TrainingConfig, dtype: str, *, rows: int, held_out: int, fresh: bool) -> Any:
    """Build TRL's own configuration, before the model is loaded, because it starts what several processes share."""
    micro, parts = split_batch(config)
    # packing needs fewer
    steps = config.max_steps if config.packing and config.max_steps is not None else -(-rows // config.rows_per_step)
    common = {
        "output_dir": str(config.out / STATES),
        "per_device_train_batch_size": micro,
        "per_device_eval_batch_size": micro,
        "gradient_accumulation_steps": parts,
        "num_train_epochs": 1,  # the order holds all passes
        "learning_rate": config.learning_rate,
        "lr_scheduler_type": config.schedule,
        "warmup_steps": config.warmup_steps,
        "weight_decay": config.weight_decay,
        "max_grad_norm": config.max_grad_norm,
        "bf16": dtype == "bfloat16",
        "fp16": dtype == "float16",
        "use_cpu": not has_accelerator(),
        "gradient_checkpointing": config.gradient_checkpointing,
        "seed": config.seed,
        "data_seed": config.seed,
        "train_sampling_strategy": "sequential",
        **_build_schedule(config, steps, rows=rows, held_out=held_out, fresh=fresh),
        "report_to": "none",  # TensorBoard is a callback of `make_trainer`, in a folder that stays
        "disable_tqdm": True,
    }
    return METHODS[config.method].build_arguments(config, common)


def run_training(trainer: Any, state: Path | None) -> None:
    """Train, and resume from `state` if there is one.

    Raises:
        ModelError: the machine is out of memory.
    """
    import torch

    try:
        trainer.train(resume_from_checkpoint=str(state) if state is not None else None)
    except (torch.OutOfMemoryError, MemoryError) as error:
        raise ModelError(
            f"out of memory at step {trainer.state.global_step + 1}: {summarize_error(error)}; choose a smaller "
            "--micro-batch-size, --gradient-checkpointing or --lora",
            exit_code=INFRASTRUCTURE,
        ) from error


def save_checkpoint(trainer: Any, tokenizer: Any, config: TrainingConfig, base: Path) -> None:
    """Write the checkpoint, or the adapter, and the tokenizer; weights in the type that the base has on the disk.

    If processes share the weights, they are gathered as the launcher's configuration says, in its type.
    """
    import torch
    from transformers import AutoConfig

    out = str(config.out)
    if count_shards() > 1:
        trainer.save_model(out)
    elif is_main() and config.lora is None:
        published = getattr(AutoConfig.from_pretrained(base, local_files_only=True), "dtype", None)
        model = trainer.model.to(published if isinstance(published, torch.dtype) else torch.float32)
        model.save_pretrained(out)
    elif is_main():
        trainer.model.save_pretrained(out)
    trainer.accelerator.wait_for_everyone()
    if not is_main():
        return
    (config.out / "training_args.bin").unlink(missing_ok=True)
    if config.lora is not None:
        _settle_adapter(config.out)
    tokenizer.save_pretrained(out)


def _settle_adapter(folder: Path) -> None:
    """Sort PEFT's module names and remove its empty card, so that equal adapters have equal bytes."""
    (folder / "README.md").unlink(missing_ok=True)
    settings = read_json_object(folder / CONFIGURATION)
    write_json(folder / CONFIGURATION, {**settings, "target_modules": sorted(settings["target_modules"])})
