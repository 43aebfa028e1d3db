"""Estimate the memory that a training needs, before anything is loaded, and read what is available.

The estimate is for one process: weights, gradients and AdamW's two moments of what is trained (float32), the base in
its own type under LoRA, and the layers' activations for the backward pass. It gives the order of magnitude: activations
are those of a Llama's layers, and buffers of libraries are not counted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path

from ..errors import INFRASTRUCTURE, ModelError
from ..models.checkpoint import WEIGHTS, read_configuration, read_tensor_shapes
from .config import ALL_LINEAR, TrainingConfig

WIDTHS = {"float32": 4.0, "bfloat16": 2.0, "float16": 2.0}
QUANTISED = {"4bit": 0.55, "8bit": 1.05}
"""Bytes per parameter, scales included."""
HIDDEN_KEPT, INNER_KEPT = 12, 4
"""Values of the hidden and of the inner width that a layer keeps per token."""
LORA_HIDDEN, LORA_INNER = 14, 5
"""Further values with adapters of all matrices, in float32: their inputs, their outputs and the sums."""
SCORE_BYTES = 6
"""Bytes per attention score, which a CPU keeps; an accelerator's kernels recompute it."""
LIBRARIES = 700_000_000
GROUPS = (
    ("/sys/fs/cgroup", "memory.max", "memory.current"),
    ("/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes"),
)
"""Control groups, version 2 and 1: folder, limit, use."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryEstimate:
    """Estimated bytes of one process."""

    weights: int
    gradients: int
    optimiser: int
    activations: int
    libraries: int = LIBRARIES

    @property
    def total(self) -> int:
        """Return the sum of all parts."""
        return self.weights + self.gradients + self.optimiser + self.activations + self.libraries

    def format(self) -> str:
        """Format the total and its parts."""
        parts = {"weights": self.weights, "gradients": self.gradients, "optimiser": self.optimiser}
        parts |= {"activations": self.activations, "libraries": self.libraries}
        return f"{_format_gb(self.total)} ({', '.join(f'{name} {_format_gb(value)}' for name, value in parts.items())})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Shape of the rows in memory at a time."""

    rows: int
    length: int
    """Tokens of the longest row."""
    keeps_scores: bool
    """Whether attention scores are kept for the backward pass."""


def estimate_memory(
    base: Path, config: TrainingConfig, *, dtype: str, batch: Batch, shards: int = 1, reference: bool = False
) -> MemoryEstimate:
    """Estimate what `config` needs with `batch` in memory at a time; `shards` processes share weights and states.

    With `reference` a copy of the base stays beside the trained weights.
    """
    shapes: dict[str, tuple[int, ...]] = {}
    for shard in sorted(base.glob(WEIGHTS)):
        shapes |= read_tensor_shapes(shard)
    total = sum(map(prod, shapes.values()))
    width = WIDTHS[dtype]
    if config.lora is None:
        trained = total
        copies = 2 if reference else 1
        weights = copies * (4.0 * total + (width * total if width < 4 else 0))  # the second is what autocast makes
    else:
        trained = _count_lora_parameters(config, shapes)
        weights = QUANTISED.get(config.quantization, width) * total + 4.0 * trained
    return MemoryEstimate(
        weights=round(weights / shards),
        gradients=round(4.0 * trained / shards),
        optimiser=round(8.0 * trained / shards),
        activations=round(_estimate_activations(base, config, width, batch)),
    )


def check_memory(needed: MemoryEstimate, available: int | None) -> None:
    """Refuse a training that does not fit into memory.

    Raises:
        ModelError: with both figures.
    """
    if available is not None and needed.total > available:
        raise ModelError(
            f"training needs about {needed.format()} in each process, and {_format_gb(available)} are available; "
            "choose --lora, --gradient-checkpointing, a smaller --micro-batch-size or --max-length, more processes, or "
            "--ignore-memory",
            exit_code=INFRASTRUCTURE,
        )


def read_available_bytes() -> int:
    """Return the free bytes of the accelerator, else what the machine and this process's group have left."""
    import psutil  # type: ignore[import-untyped]
    import torch

    if torch.cuda.is_available():
        return int(torch.cuda.mem_get_info()[0])
    machine, group = int(psutil.virtual_memory().available), _read_group_bytes()
    return machine if group is None else min(machine, group)


def read_peak_bytes() -> int:
    """Return the most bytes that this process has had, on the accelerator if there is one."""
    import resource

    import torch

    if torch.cuda.is_available():
        return int(torch.cuda.max_memory_allocated())
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _count_lora_parameters(config: TrainingConfig, shapes: Mapping[str, tuple[int, ...]]) -> int:
    assert config.lora is not None
    count = 0
    for name, shape in shapes.items():
        module = name.removesuffix(".weight").rpartition(".")[2]
        wanted = config.lora.targets == (ALL_LINEAR,) or module in config.lora.targets
        if len(shape) == 2 and wanted and ".layers." in f".{name}":
            count += config.lora.r * sum(shape)
    return count


def _estimate_activations(base: Path, config: TrainingConfig, width: float, batch: Batch) -> float:
    settings = read_configuration(base)
    hidden = int(settings.get("hidden_size") or settings.get("n_embd") or 0)
    inner = int(settings.get("intermediate_size") or settings.get("n_inner") or 4 * hidden)
    layers = int(settings.get("num_hidden_layers") or settings.get("n_layer") or 0)
    heads = int(settings.get("num_attention_heads") or settings.get("n_head") or 0)
    tokens = batch.rows * batch.length
    layer = width * tokens * (HIDDEN_KEPT * hidden + INNER_KEPT * inner)
    if config.lora is not None:
        layer += 4 * tokens * (LORA_HIDDEN * hidden + LORA_INNER * inner)
    if batch.keeps_scores:
        layer += SCORE_BYTES * tokens * batch.length * heads
    return layer + width * tokens * hidden * layers if config.gradient_checkpointing else layer * layers


def _read_group_bytes() -> int | None:
    """Return the bytes that the control group has left; cached files count as free."""
    for folder, limit, used in GROUPS:
        try:
            left = int((Path(folder) / limit).read_text("utf-8")) - int((Path(folder) / used).read_text("utf-8"))
            facts = dict(line.split() for line in (Path(folder) / "memory.stat").read_text("utf-8").splitlines())
        except (OSError, ValueError):  # another version, or no limit ("max")
            continue
        return left + int(facts.get("inactive_file", 0))
    return None


def _format_gb(count: int) -> str:
    return f"{count / 1e9:.1f} GB"
