"""Options for loading a model; every backend reads the same record."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from .adapters import Adapter
from .thinking import AS_TEMPLATE, TemplateSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelOptions:
    """Options for loading a model. None leaves the value to the backend."""

    dtype: str = "auto"
    """"auto", "bfloat16", "float16" or "float32"."""
    quantization: str | None = None
    """Quantisation method of the weights, if the checkpoint does not name it (vLLM)."""
    tensor_parallel_size: int = 1
    """Devices that share each layer's weights (vLLM)."""
    pipeline_parallel_size: int = 1
    """Pipeline stages, each with some of the layers (vLLM)."""
    max_model_len: int | None = None
    """Tokens of a prompt and its answer together."""
    gpu_memory_utilization: float | None = None
    """Share of the device's memory that the engine may use (vLLM)."""
    batch_size: int | None = None
    """Samples generated at a time."""
    engine_args: tuple[str, ...] = ()
    """KEY=VALUE settings of the engine; a value that is not JSON is text (vLLM)."""
    adapters: tuple[Adapter, ...] = ()
    """LoRA adapters loaded with the checkpoint (vLLM)."""
    template: TemplateSettings = AS_TEMPLATE
    """How the chat template is filled in; servers are sent it."""
    log_file: Path | None = None
    """File for the engine's own output; None: a temporary file, kept only if loading fails."""
    seed: int = 0
    trust_remote_code: bool = False
    """Run Python code that a checkpoint brings. Off: such code can do anything the user can."""
    allow_pickle: bool = False
    """Load *.bin weights, which can run code as they are read."""
