"""Inspect the machine to train on: packages, processes, the type to compute in, and how a step is divided."""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec

from ..errors import ModelError, UsageError, install_hint
from .config import TrainingConfig

MICRO_BATCH = {"cuda": 8, "cpu": 4}
"""Most rows in memory at a time; a CPU gains nothing from more, and pads less with fewer."""
NEEDED = ("torch", "transformers", "trl", "peft", "datasets", "accelerate")


def check_installed() -> None:
    """Check that the packages for training are installed.

    Raises:
        ModelError: a package is missing.
    """
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        raise ModelError(f"training needs the packages {', '.join(missing)}: {install_hint('train')}")


def has_accelerator() -> bool:
    """Return whether training runs on an accelerator."""
    import torch

    return torch.cuda.is_available()


def get_world_size() -> int:
    """Return the number of processes that train together, from the launcher's environment."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def count_shards() -> int:
    """Count the processes that share weights and states: all of them under FSDP and DeepSpeed, else 1."""
    shared = ("ACCELERATE_USE_FSDP", "ACCELERATE_USE_DEEPSPEED")
    return get_world_size() if any(os.environ.get(name) == "true" for name in shared) else 1


def is_main() -> bool:
    """Return whether this is the process that writes."""
    return int(os.environ.get("RANK", "0")) == 0


def exit_process() -> None:
    """End this process at once, with its output written, if it trained with others.

    A thread of Gloo may still have to release a tensor, for which it needs the interpreter. An interpreter that shuts
    down ends that thread, and the process with SIGABRT (https://github.com/pytorch/pytorch/pull/179291). Destroying the
    process group does not help, as FSDP's device mesh keeps the group alive.
    """
    if get_world_size() == 1:
        return
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


def select_dtype(requested: str) -> str:
    """Return the type of the computation on this hardware.

    Raises:
        UsageError: the hardware cannot train in it.
    """
    import torch

    cuda = has_accelerator()
    if requested == "auto":
        if not cuda:
            return "float32"
        return "bfloat16" if torch.cuda.is_bf16_supported() else "float16"
    if requested == "float16" and not cuda:
        raise UsageError("dtype float16 trains on accelerators only; choose --dtype bfloat16 or float32")
    return requested


def split_batch(config: TrainingConfig) -> tuple[int, int]:
    """Return the rows in memory at a time, and how many such parts make a step of one process.

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
