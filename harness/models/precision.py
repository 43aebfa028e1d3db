"""The dtype that a CPU computes in unless the user names one."""

from __future__ import annotations

import os
import platform
from pathlib import Path

from .checkpoint import WEIGHTS, read_configuration
from .options import ModelOptions

SHARE_OF_MEMORY = 0.5
"""Weights in float32 may take this much of the machine's memory; the rest is for the cache and the programs."""


def choose_cpu_dtype(folder: Path, options: ModelOptions) -> str:
    """Return the dtype to load on a CPU: the user's, or float32 instead of "auto" where halves are only emulated.

    Without AVX-512 oneDNN multiplies neither bfloat16 nor float16, and torch's own product of them takes six times as
    long over a prompt as that of float32 (measured on a processor with AVX2). Checkpoints that are quantised, or whose
    weights would take over `SHARE_OF_MEMORY` as float32, keep "auto".
    """
    quantised = options.quantization is not None or "quantization_config" in read_configuration(folder)
    if options.dtype != "auto" or quantised or multiplies_halves():
        return options.dtype
    weights_bytes = sum(file.stat().st_size for file in folder.glob(WEIGHTS))
    memory_bytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return "float32" if 2 * weights_bytes <= SHARE_OF_MEMORY * memory_bytes else "auto"


def multiplies_halves() -> bool:
    """Tell whether this processor multiplies bfloat16 as fast as float32; assumed of any but x86."""
    import torch

    if platform.machine().lower() not in ("x86_64", "amd64"):
        return True
    return torch.backends.cpu.get_cpu_capability() not in ("DEFAULT", "NO AVX", "AVX", "AVX2")
