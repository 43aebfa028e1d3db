"""Configuration of `harness finetune`: one frozen configuration, checked.

`collect_settings` has what decides the weights, so neither the output folder nor how often progress is saved.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Annotated, Any, Literal

from annotated_types import Ge, Lt, MinLen

from ..config.checking import (
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    ProperFraction,
    Text,
    Where,
    build_config,
    check_fields,
)
from ..errors import UsageError

ALL_LINEAR = "all-linear"
NOT_IDENTITY = ("out", "save_every", "log_every", "ignore_memory", "judge", "sandbox")
OF_METHODS: Mapping[str, tuple[str, ...]] = {
    "method": ("dpo", "kto", "grpo"),
    "packing": ("sft",),
    "truncated": ("sft", "dpo", "kto"),
    "max_tokens": ("sft", "dpo", "kto"),
    "beta": ("dpo", "kto", "grpo"),
    **dict.fromkeys(
        ("problems", "environment", "score", "generations", "answer_length", "temperature", "judge", "sandbox"),
        ("grpo",),
    ),
}
"""Settings that not every method has, and those that have them."""
FIRST = ("packing", "truncated", "max_tokens")
"""Settings that every training's identity has; later ones count where their method uses them, so old ones resume."""
METHOD_DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "sft": {},
    "dpo": {"learning_rate": 5e-6},
    "kto": {"learning_rate": 5e-6},
    "grpo": {"learning_rate": 5e-6, "beta": 0.04},
}
"""Settings that presets, files and flags override."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lora:
    """Low-rank adapters instead of all weights (Hu et al. 2021)."""

    r: PositiveInt = 16
    """Rank of the change."""
    alpha: PositiveInt = 32
    """Scale of the change, which is multiplied by alpha / r."""
    targets: Annotated[tuple[Text, ...], MinLen(1)] = (ALL_LINEAR,)
    """Modules by the last part of their names; "all-linear" is every matrix but the output's."""
    dropout: Annotated[float, Ge(0), Lt(1)] = 0.0

    def __post_init__(self) -> None:
        check_fields(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingConfig:
    """Settings of a fine-tuned checkpoint, and its output folder."""

    base: str
    """A builtin, a checkpoint folder, or a hub name."""
    data: Path
    """Rows of the method, in JSON lines, JSON or Parquet, or a folder of `harness evolve`."""
    out: Path
    """The checkpoint's folder."""
    method: Literal["sft", "dpo", "kto", "grpo"] = "sft"
    """Answers to imitate (sft), pairs of answers (dpo), labelled answers (kto), or rewards of sampled ones (grpo)."""
    recipe: str = "wizardcoder"
    """Prompt format to train, and to evaluate the checkpoint with."""
    held_out: Path | ProperFraction | None = None
    """A file of held-out rows, or the fraction of the data to hold out."""
    epochs: PositiveFloat = 1.0
    max_steps: PositiveInt | None = None
    """Optimiser steps; the data is repeated as often as needed, regardless of `epochs`."""
    max_tokens: PositiveInt | None = None
    """Answer tokens to train on (those with a loss, the EOS included); the last row may exceed it."""
    batch_size: PositiveInt = 16
    """Rows per optimiser step, over all processes. With packing: sequences; with grpo: sampled answers."""
    micro_batch_size: PositiveInt | None = None
    """Rows per forward pass and process. None: the batch, or 8 of it (4 on a CPU)."""
    learning_rate: PositiveFloat = 5e-5
    schedule: Literal["cosine", "linear", "constant", "constant_with_warmup"] = "cosine"
    warmup_steps: NonNegativeInt = 0
    weight_decay: NonNegativeFloat = 0.0
    max_grad_norm: NonNegativeFloat = 1.0
    max_length: PositiveInt = 2048
    """Tokens of a prompt and its answer together."""
    truncated: Literal["drop", "keep"] = "drop"
    """What happens to rows over `max_length`: "drop", or "keep" without their end."""
    packing: bool = False
    """Pack several rows into one sequence, separated for attention, to save padding."""
    gradient_checkpointing: bool = False
    dtype: Literal["auto", "bfloat16", "float16", "float32"] = "auto"
    """Type of the computation; trained weights are float32. auto: what the hardware supports."""
    beta: NonNegativeFloat = 0.1
    """dpo, kto, grpo: how strongly the checkpoint is held to the base. grpo: weight of the KL divergence."""
    problems: Text | None = None
    """grpo: whose tests reward answers: a benchmark for training, or a file of problems (JSON lines)."""
    environment: str = "core"
    """grpo: what sampled programs may import."""
    score: Literal["all", "share"] = "all"
    """grpo: reward 1 for an answer that passes all tests, or the share of the tests that it passes."""
    generations: Annotated[int, Ge(2)] = 8
    """grpo: answers that are sampled to a prompt, and compared with one another."""
    answer_length: PositiveInt = 512
    """grpo: most tokens of a sampled answer."""
    temperature: PositiveFloat = 1.0
    """grpo: temperature of sampling."""
    judge: str | None = None
    """grpo: address of a `harness serve` that judges. None: a sandbox of this process."""
    sandbox: str | None = None
    lora: Lora | None = None
    """None: train all weights."""
    quantization: Literal["none", "4bit", "8bit"] = "none"
    """Quantization of the base under LoRA: "none", "4bit" (QLoRA) or "8bit"."""
    seed: NonNegativeInt = 0
    """Random seed of the order of rows, the held-out rows and the training."""
    eval_every: PositiveInt | None = None
    """Steps between two evaluations of the held-out loss, besides the first and the last. None: ten evaluations, or as
    many as take a tenth of the training's work."""
    save_every: PositiveInt | None = None
    """Steps between two saved states, from which a stopped training resumes. None: every five minutes."""
    log_every: PositiveInt = 1
    """Steps between two logged training losses."""
    ignore_memory: bool = False
    """Start even if the memory estimate says that it will not fit."""

    def __post_init__(self) -> None:
        check_fields(self)
        if self.quantization != "none" and self.lora is None:
            raise UsageError(f"quantization is {self.quantization}, which only adapters can be trained on; add --lora")
        self._check_method()

    def _check_method(self) -> None:
        for field in fields(self):
            methods, value = OF_METHODS.get(field.name, (self.method,)), getattr(self, field.name)
            if self.method not in methods and value != field.default:
                raise UsageError(f"{field.name} is {value}, which is for --method {' or '.join(methods)} alone")
        if self.method in ("dpo", "kto") and not self.beta:
            raise UsageError(f"beta is 0, with which {self.method} learns nothing; choose one above 0, such as 0.1")
        if self.method != "grpo":
            return
        if self.problems is None:
            raise UsageError("grpo needs tests that reward answers; name a benchmark or a file with --problems")
        if self.batch_size % self.generations:
            raise UsageError(
                f"batch_size is {self.batch_size}, which does not divide into prompts with {self.generations} answers "
                "each; choose a multiple of --generations"
            )

    @property
    def problems_file(self) -> Path | None:
        """Return the file of problems; None if they are a benchmark's."""
        return Path(self.problems) if self.problems is not None and self.problems.endswith(".jsonl") else None

    @property
    def rows_per_step(self) -> int:
        """Return the rows of an optimiser step, over all processes."""
        return self.batch_size // self.generations if self.method == "grpo" else self.batch_size

    def collect_settings(self) -> dict[str, Any]:
        """Return what decides the weights, JSON-ready, without the contents of the base and the data."""
        unused = {name for name, methods in OF_METHODS.items() if self.method not in methods} - {*FIRST}
        left_out = {*NOT_IDENTITY, "data", "held_out", *unused}
        settings = {key: value for key, value in asdict(self).items() if key not in left_out}
        if self.lora is not None:
            settings["lora"] = {**settings["lora"], "targets": list(self.lora.targets)}
        settings["held_out"] = self.held_out if isinstance(self.held_out, float | int) else None
        if self.problems_file is not None:
            del settings["problems"]
        return settings


def build_training_config(values: Mapping[str, Any], where: Where = lambda _: "") -> TrainingConfig:
    """Build a training's configuration from plain values; `lora` is "r,alpha,targets" or a table.

    What is not given is the method's own default.

    Raises:
        UsageError: an unknown key, a value of another type, or one out of range.
    """
    lora = values.get("lora")
    if isinstance(lora, str):
        values = {**values, "lora": parse_lora(lora)}
    elif isinstance(lora, Mapping):
        values = {**values, "lora": build_config(Lora, lora, lambda _: f"{where('lora')}lora: ")}
    method = values.get("method", "sft")
    defaults = METHOD_DEFAULTS.get(method, {}) if isinstance(method, str) else {}
    return build_config(TrainingConfig, {**defaults, **values}, where)


def parse_lora(text: str) -> Lora:
    """Parse "r[,alpha[,target...]]"; a target is "q_proj" and the like, or "all-linear".

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
