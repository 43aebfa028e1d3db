"""Configuration of `harness finetune`: one frozen configuration, checked, with a digest.

The digest covers what decides the weights. Where the checkpoint goes, how often progress is saved and how much memory
may be used do not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from ..digests import json_digest
from ..errors import UsageError

DTYPES = ("auto", "bfloat16", "float16", "float32")
SCHEDULES = ("cosine", "linear", "constant", "constant_with_warmup")
QUANTISATIONS = ("none", "4bit", "8bit")
TRUNCATED = ("drop", "keep")
ALL_LINEAR = "all-linear"
NOT_IDENTITY = ("out", "save_every", "log_every", "ignore_memory")


@dataclass(frozen=True, slots=True, kw_only=True)
class Lora:
    """Low-rank adapters instead of all weights (Hu et al. 2021)."""

    r: int = 16
    """Rank of the change."""
    alpha: int = 32
    """The change is multiplied by alpha / r."""
    targets: tuple[str, ...] = (ALL_LINEAR,)
    """Modules by the last part of their names; "all-linear" is every matrix but the output's."""
    dropout: float = 0.0

    def __post_init__(self) -> None:
        _at_least(1, **{"lora r": self.r, "lora alpha": self.alpha})
        if not 0 <= self.dropout < 1:
            raise UsageError(f"lora dropout is {self.dropout}; it must be at least 0 and below 1")
        if not self.targets or "" in self.targets:
            raise UsageError(f'lora targets are {list(self.targets)}; name modules, or "{ALL_LINEAR}"')


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
    held_out: Path | float | None = None
    """A file of rows that are not trained on, or the share of the data that is set aside as such."""
    epochs: float = 1.0
    max_steps: int | None = None
    """Optimiser steps; the data is repeated as often as needed, whatever `epochs` says."""
    max_tokens: int | None = None
    """Answer tokens (those with a loss, the end among them) that are trained on; the last row may exceed it."""
    batch_size: int = 16
    """Rows per optimiser step, over all processes. With packing: sequences."""
    micro_batch_size: int | None = None
    """Rows that one process has in memory at a time. None: the batch, or 8 of it (4 on a processor)."""
    learning_rate: float = 5e-5
    schedule: str = "cosine"
    warmup_steps: int = 0
    weight_decay: float = 0.0
    max_grad_norm: float = 1.0
    max_length: int = 2048
    """Tokens of a prompt and its answer together."""
    truncated: str = "drop"
    """What happens to a row that is longer, and so would lose its end: "drop" or "keep"."""
    packing: bool = False
    """Several rows in one sequence, apart for the attention; fewer steps on padding."""
    gradient_checkpointing: bool = False
    dtype: str = "auto"
    """Of the computation: bfloat16 or float16 beside float32 weights, or float32. auto: what the hardware has."""
    lora: Lora | None = None
    """None: all weights are trained."""
    quantization: str = "none"
    """How the base is held while LoRA is trained: "none", "4bit" (QLoRA) or "8bit"."""
    seed: int = 0
    """Decides the order of rows, which are held out, and what is drawn."""
    eval_every: int | None = None
    """Steps between two measures of the held-out loss, besides the first and the last. None: ten, or as many as take
    a tenth of the training's work."""
    save_every: int | None = None
    """Steps between two saved states, from which a stopped training goes on. None: every five minutes."""
    log_every: int = 1
    """Steps between two figures of the training loss."""
    ignore_memory: bool = False
    """Start even where the estimate says that memory will not do."""

    def __post_init__(self) -> None:
        _at_least(1, max_steps=self.max_steps, max_tokens=self.max_tokens, batch_size=self.batch_size)
        _at_least(1, micro_batch_size=self.micro_batch_size, max_length=self.max_length, log_every=self.log_every)
        _at_least(1, eval_every=self.eval_every, save_every=self.save_every)
        _at_least(0, warmup_steps=self.warmup_steps, weight_decay=self.weight_decay, seed=self.seed)
        _at_least(0, max_grad_norm=self.max_grad_norm)
        for name, value in (("epochs", self.epochs), ("learning_rate", self.learning_rate)):
            if not value > 0:
                raise UsageError(f"{name} is {value}; it must be above 0")
        _one_of("dtype", self.dtype, DTYPES)
        _one_of("schedule", self.schedule, SCHEDULES)
        _one_of("quantization", self.quantization, QUANTISATIONS)
        _one_of("truncated", self.truncated, TRUNCATED)
        if isinstance(self.held_out, float | int) and not 0 < self.held_out < 1:
            raise UsageError(f"held_out is {self.held_out}; a share is above 0 and below 1, or name a file")
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
        return json_digest({**self.settings(), "data": source_digest(self.data), "held_out_data": held_out})


def training_config(values: Mapping[str, Any]) -> TrainingConfig:
    """A configuration from plain values, as TOML and flags give them; `lora` is "r,alpha,targets" or a table.

    Raises:
        UsageError: an unknown key, a value of another type, or one out of range.
    """
    known = {field.name: str(field.type) for field in fields(TrainingConfig)}
    plain = dict(values)
    for key, value in plain.items():
        if key not in known:
            near = get_close_matches(key, known, n=1)
            hint = f' Did you mean "{near[0]}"?' if near else f" Known: {', '.join(known)}"
            raise UsageError(f'training key "{key}" is not known.{hint}')
        plain[key] = _fitting(key, value, known[key])
    missing = [key for key in ("base", "data", "out") if key not in plain]
    if missing:
        raise UsageError(f"training needs {', '.join(missing)}")
    return TrainingConfig(**plain)


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
    return Lora(r=r, alpha=alpha, targets=tuple(rest[1:]) or (ALL_LINEAR,))


def _fitting(key: str, value: Any, declared: str) -> Any:
    if value is None and "None" in declared:
        return None
    if key == "lora":
        if isinstance(value, Lora):
            return value
        return parse_lora(value) if isinstance(value, str) else _lora_table(value)
    if key == "held_out" and isinstance(value, str):
        return Path(value)
    kinds: dict[str, tuple[type, ...]] = {
        "str": (str,),
        "int": (int,),
        "float": (int, float),
        "bool": (bool,),
        "Path": (str, Path),
    }
    allowed = [kind for name in declared.split(" | ") for kind in kinds.get(name, ())]
    if not isinstance(value, tuple(allowed)) or (isinstance(value, bool) and bool not in allowed):
        raise UsageError(f'training key "{key}" is {value!r}; it must be {declared}')
    return Path(str(value)) if declared == "Path" else value


def _lora_table(value: Any) -> Lora:
    known = [field.name for field in fields(Lora)]
    if not isinstance(value, Mapping) or not set(value) <= set(known):
        raise UsageError(f"lora is {value!r}; it must be R,ALPHA,TARGET,... or a table of {', '.join(known)}")
    fitting: dict[str, Any] = {key: tuple(one) if isinstance(one, list) else one for key, one in value.items()}
    return Lora(**fitting)


def _at_least(least: float, **values: float | None) -> None:
    for name, value in values.items():
        if value is not None and not value >= least:
            raise UsageError(f"{name} is {value}; it must be {least} or more")


def _one_of(name: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise UsageError(f'{name} is "{value}"; it must be one of {", ".join(known)}')
