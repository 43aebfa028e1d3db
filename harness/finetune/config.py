"""Configuration of `harness finetune`: one frozen configuration, checked, with a digest.

The digest covers what decides the weights. Where the checkpoint goes, how often progress is saved and how much memory
may be used do not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from annotated_types import Ge, Lt, MinLen

from ..config.checking import (
    NonNegativeFloat,
    NonNegativeInt,
    Part,
    PositiveFloat,
    PositiveInt,
    Text,
    Where,
    build_config,
    check_fields,
)
from ..digests import digest_json
from ..errors import UsageError

ALL_LINEAR = "all-linear"
NOT_IDENTITY = ("out", "save_every", "log_every", "ignore_memory")


@dataclass(frozen=True, slots=True, kw_only=True)
class Lora:
    """Low-rank adapters instead of all weights (Hu et al. 2021)."""

    r: PositiveInt = 16
    """Rank of the change."""
    alpha: PositiveInt = 32
    """The change is multiplied by alpha / r."""
    targets: Annotated[tuple[Text, ...], MinLen(1)] = (ALL_LINEAR,)
    """Modules by the last part of their names; "all-linear" is every matrix but the output's."""
    dropout: Annotated[float, Ge(0), Lt(1)] = 0.0

    def __post_init__(self) -> None:
        check_fields(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingConfig:
    """Settings that decide a fine-tuned checkpoint, and where it goes."""

    base: str
    """A builtin, a checkpoint folder, or a hub name."""
    data: Path
    """Alpaca rows: JSON lines, JSON or Parquet, or a folder of `harness evolve`."""
    out: Path
    """The checkpoint's folder."""
    recipe: str = "wizardcoder"
    """The prompt that is trained, and that `harness run` asks the checkpoint with."""
    held_out: Path | Part | None = None
    """A file of rows that are not trained on, or the share of the data that is set aside as such."""
    epochs: PositiveFloat = 1.0
    max_steps: PositiveInt | None = None
    """Optimiser steps; the data is repeated as often as needed, whatever `epochs` says."""
    max_tokens: PositiveInt | None = None
    """Answer tokens (those with a loss, the end among them) that are trained on; the last row may exceed it."""
    batch_size: PositiveInt = 16
    """Rows per optimiser step, over all processes. With packing: sequences."""
    micro_batch_size: PositiveInt | None = None
    """Rows that one process has in memory at a time. None: the batch, or 8 of it (4 on a processor)."""
    learning_rate: PositiveFloat = 5e-5
    schedule: Literal["cosine", "linear", "constant", "constant_with_warmup"] = "cosine"
    warmup_steps: NonNegativeInt = 0
    weight_decay: NonNegativeFloat = 0.0
    max_grad_norm: NonNegativeFloat = 1.0
    max_length: PositiveInt = 2048
    """Tokens of a prompt and its answer together."""
    truncated: Literal["drop", "keep"] = "drop"
    """What happens to a row that is longer, and so would lose its end: "drop" or "keep"."""
    packing: bool = False
    """Several rows in one sequence, apart for the attention; fewer steps on padding."""
    gradient_checkpointing: bool = False
    dtype: Literal["auto", "bfloat16", "float16", "float32"] = "auto"
    """Of the computation: bfloat16 or float16 beside float32 weights, or float32. auto: what the hardware has."""
    lora: Lora | None = None
    """None: all weights are trained."""
    quantization: Literal["none", "4bit", "8bit"] = "none"
    """How the base is held while LoRA is trained: "none", "4bit" (QLoRA) or "8bit"."""
    seed: NonNegativeInt = 0
    """Decides the order of rows, which are held out, and what is drawn."""
    eval_every: PositiveInt | None = None
    """Steps between two measures of the held-out loss, besides the first and the last. None: ten, or as many as take
    a tenth of the training's work."""
    save_every: PositiveInt | None = None
    """Steps between two saved states, from which a stopped training goes on. None: every five minutes."""
    log_every: PositiveInt = 1
    """Steps between two figures of the training loss."""
    ignore_memory: bool = False
    """Start even where the estimate says that memory will not do."""

    def __post_init__(self) -> None:
        check_fields(self)
        if self.quantization != "none" and self.lora is None:
            raise UsageError(f"quantization is {self.quantization}, which only adapters can be trained on; add --lora")

    def settings(self) -> dict[str, Any]:
        """All that decides the weights but the contents of the base and the data, JSON-ready."""
        told = {key: value for key, value in asdict(self).items() if key not in (*NOT_IDENTITY, "data", "held_out")}
        if self.lora is not None:
            told["lora"] = {**told["lora"], "targets": list(self.lora.targets)}
        told["held_out"] = self.held_out if isinstance(self.held_out, float | int) else None
        return told

    def digest(self) -> str:
        """SHA-256 (hex) of the settings and of the data's files; the base counts by its name.

        Raises:
            DataError: a file is not there.
        """
        from .rows import source_digest

        held_out = source_digest(self.held_out) if isinstance(self.held_out, Path) else None
        return digest_json({**self.settings(), "data": source_digest(self.data), "held_out_data": held_out})


def training_config(values: Mapping[str, Any], where: Where = lambda _: "") -> TrainingConfig:
    """Return the training of plain values, as TOML and flags give them; `lora` is "r,alpha,targets" or a table.

    Raises:
        UsageError: an unknown key, a value of another type, or one out of range.
    """
    lora = values.get("lora")
    if isinstance(lora, str):
        values = {**values, "lora": parse_lora(lora)}
    elif isinstance(lora, Mapping):
        values = {**values, "lora": build_config(Lora, lora, lambda _: f"{where('lora')}lora: ")}
    return build_config(TrainingConfig, values, where)


def parse_lora(text: str) -> Lora:
    """The adapters that "r[,alpha[,target...]]" names; "q_proj" and the like, or "all-linear".

    Raises:
        UsageError: it has another form.
    """
    rank, *rest = [part.strip() for part in text.split(",")]
    try:
        r = int(rank)
        alpha = int(rest[0]) if rest else 2 * r
    except ValueError as error:
        raise UsageError(f'lora is "{text}"; it must be R,ALPHA,TARGET,... such as 16,32,all-linear') from error
    values = {"r": r, "alpha": alpha, "targets": rest[1:] or [ALL_LINEAR]}
    return build_config(Lora, values, lambda _: "lora: ")
