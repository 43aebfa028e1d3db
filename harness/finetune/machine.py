"""Look at the machine to train on: packages, processes, the type to compute in, and how a step is divided."""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec

from ..errors import ModelError, UsageError, install_hint
from .config import TrainingConfig

MICRO_BATCH = {"cuda": 8, "cpu": 4}
"""Rows in memory at a time, at most; a processor gains nothing from more, and pads less with fewer."""
NEEDED = ("torch", "transformers", "trl", "peft", "datasets", "accelerate")


def check_installed() -> None:
    """See that training is possible at all.

    Raises:
        ModelError: a package is missing.
    """
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        raise ModelError(f"training needs the packages {', '.join(missing)}: {install_hint('train')}")


def has_accelerator() -> bool:
    """Whether training runs on one."""
    import torch

    return torch.cuda.is_available()


def get_world_size() -> int:
    """Processes that train together, as a launcher says it."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def count_shards() -> int:
    """Processes that share weights and states: all of them under FSDP and DeepSpeed, as accelerate says it."""
    shared = ("ACCELERATE_USE_FSDP", "ACCELERATE_USE_DEEPSPEED")
    return get_world_size() if any(os.environ.get(name) == "true" for name in shared) else 1


def is_main() -> bool:
    """Whether this is the process that writes."""
    return int(os.environ.get("RANK", "0")) == 0


def exit_process() -> None:
    """End this process at once, its output written, where it trained with others; else nothing happens.

    A thread of Gloo may still have a tensor to let go of, for which it needs the interpreter: one that winds down ends
    that thread, and the process with SIGABRT. PyTorch knows of it (https://github.com/pytorch/pytorch/pull/179291);
    destroying the process group does not help, as FSDP's device mesh keeps the group alive.
    """
    if get_world_size() == 1:
        return
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


def select_dtype(asked: str) -> str:
    """The type of the computation on this hardware.

    Raises:
        UsageError: the hardware cannot train in it.
    """
    import torch

    cuda = has_accelerator()
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
    processes = get_world_size()
    if config.batch_size % processes:
        raise UsageError(f"batch_size is {config.batch_size}, which {processes} processes cannot share evenly")
    each = config.batch_size // processes
    most = MICRO_BATCH["cuda" if has_accelerator() else "cpu"]
    micro = config.micro_batch_size or max(size for size in range(1, most + 1) if each % size == 0)
    if each % micro:
        raise UsageError(f"micro_batch_size is {micro}, which does not divide the {each} rows of a process and step")
    return micro, each // micro
