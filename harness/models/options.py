"""Options of how a model is loaded; every backend reads the same record."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from .adapters import Adapter


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelOptions:
    """Loading options. None leaves a figure to the backend."""

    dtype: str = "auto"
    """"auto", "bfloat16", "float16" or "float32"."""
    quantization: str | None = None
    """How the weights are quantised, where the checkpoint does not say it itself (vLLM)."""
    tensor_parallel_size: int = 1
    """Processors that share each layer's weights (vLLM)."""
    pipeline_parallel_size: int = 1
    """Groups of processors that have some layers each (vLLM)."""
    max_model_len: int | None = None
    """Tokens of a prompt and its answer together."""
    gpu_memory_utilization: float | None = None
    """Share of the processor's memory the engine may take (vLLM)."""
    batch_size: int | None = None
    """Samples generated at a time."""
    engine_args: tuple[str, ...] = ()
    """KEY=VALUE for the engine itself, the value as JSON or else as text (vLLM)."""
    adapters: tuple[Adapter, ...] = ()
    """Loaded beside the checkpoint (vLLM)."""
    log_file: Path | None = None
    """Where the engine's own output goes; None: a temporary file, kept only if loading fails."""
    seed: int = 0
    trust_remote_code: bool = False
    """Run Python code that a checkpoint brings. Off: such code can do anything the user can."""
    allow_pickle: bool = False
    """Load *.bin weights, which can run code as they are read."""
