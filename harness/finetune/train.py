"""One fine-tuning from a configuration to a checkpoint with its manifest; the same one goes on where it was stopped."""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..models.checkpoint import Checkpoint, digest_weights
from ..models.loading import find_checkpoint
from ..models.options import ModelOptions
from ..models.quiet import redirect_output
from ..progress.streams import duplicate_stream
from ..store.provenance import describe_hardware, read_clock, read_versions
from ..tasks.recipes import recipe
from . import engine
from .config import TrainingConfig
from .curves import write_curves
from .folder import TrainingFolder
from .machine import check_installed, chosen_dtype, is_main, on_accelerator, shards, split_batch
from .material import Material, make_material, read_parts, tell_data
from .memory import Batch, Need, available_bytes, check_memory, need, peak_bytes
from .rows import TrainingRow, data_manifest, rows_digest
from .watching import losses, watcher

PACKAGES = ("evol-harness", "torch", "transformers", "trl", "peft", "accelerate", "datasets", "tokenizers")


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """A checkpoint that is done."""

    folder: Path
    manifest: dict[str, Any]
    """As harness.json has it."""
    skipped: bool = False
    """It was there already."""

    @property
    def losses(self) -> dict[str, list[list[float]]]:
        """ "train" and "held_out": [step, loss] pairs."""
        found: dict[str, list[list[float]]] = self.manifest["losses"]
        return found


def finetune(
    config: TrainingConfig,
    *,
    tell: Callable[[str], None] | None = None,
    resume: bool = True,
    command: Sequence[str] = (),
) -> Trained:
    """Train what `config` says; a finished checkpoint of the same configuration is returned as it is.

    `tell` gets a line now and then (default: stderr). Without `resume` a stopped training begins again.

    Raises:
        HarnessError: the data, the base, the folder or the machine does not fit; states saved until then are kept.
    """
    if tell is None:
        with duplicate_stream(sys.stderr) as lines:
            return finetune(
                config, tell=lambda line: print(line, file=lines, flush=True), resume=resume, command=command
            )
    check_installed()
    base = find_checkpoint(config.base, ModelOptions())
    train, held_out = read_parts(config)
    if not is_main():
        tell = _nothing
    with TrainingFolder(config.out, _identity(config, base, train, held_out), writes=is_main()) as folder:
        if folder.manifest.get("finished"):
            return Trained(folder=config.out, manifest=folder.manifest, skipped=True)
        if not resume:
            folder.forget_states()
        material = make_material(config, base, train, held_out)
        tell_data(material, tell)
        folder.update(**_about(config, material), command=list(command))
        with _library_output(folder.log):
            _train(config, material, folder, tell)
        if folder.writes:
            tell(f"curves: {write_curves(config.out, folder.manifest)}")
            folder.update(finished=True)
            folder.forget_states()
        return Trained(folder=config.out, manifest=folder.manifest)


def _identity(
    config: TrainingConfig, base: Checkpoint, train: list[TrainingRow], held_out: list[TrainingRow]
) -> dict[str, Any]:
    """Return what decides the weights."""
    return {
        **config.settings(),
        "base": digest_weights(base.path),
        "data": rows_digest(train),
        "held_out": rows_digest(held_out) if held_out else None,
        "recipe": recipe(config.recipe).digest,
    }


def _about(config: TrainingConfig, material: Material) -> dict[str, Any]:
    """Return what the manifest says before the training."""
    base = material.base
    source = data_manifest(config.data) or {}
    return {
        "recipe": {"name": material.recipe.name, "digest": material.recipe.digest},
        "base": {
            "name": base.name,
            "path": str(base.path),
            "revision": base.revision,
            "weights_digest": digest_weights(base.path),
        },
        "data": {**material.facts, "rounds": source.get("rounds")},
        "contamination": source.get("contamination"),
        "settings": config.settings(),
        "versions": read_versions(*PACKAGES),
        "hardware": describe_hardware(),
        "started": read_clock(),
    }


def _train(config: TrainingConfig, material: Material, folder: TrainingFolder, tell: Callable[[str], None]) -> None:
    dtype = chosen_dtype(config.dtype)
    needed = _check_memory(config, material, dtype, tell)
    state = folder.last_state()
    held_out, rows = material.held_out, len(material.order)
    arguments = engine.arguments(
        config, dtype, rows=rows, held_out=len(held_out) if held_out is not None else 0, fresh=state is None
    )
    model = engine.load_base(material.base.path, config, dtype)
    engine.prepare_tokenizer(material.tokenizer, model.get_input_embeddings().num_embeddings)
    trainer = engine.make_trainer(
        model,
        material.tokenizer,
        config,
        arguments=arguments,
        train=engine.dataset(material.train, material.order),
        held_out=engine.dataset(held_out, range(len(held_out))) if held_out is not None else None,
        callback=watcher(config.out, tell, main=is_main(), timed=engine.timed_saves(config)),
    )
    if state is not None:
        tell(f"going on from step {state.name.rpartition('-')[2]}")
    started = time.monotonic()
    engine.run(trainer, state)
    seconds = time.monotonic() - started
    if held_out is not None and losses(trainer.state.log_history)["held_out"][-1][0] != trainer.state.global_step:
        trainer.evaluate()
    engine.save(trainer, material.tokenizer, config, material.base.path)
    folder.update(
        dtype=dtype,
        steps=trainer.state.global_step,
        resumed_from=int(state.name.rpartition("-")[2]) if state is not None else None,
        losses=losses(trainer.state.log_history),
        seconds=round(seconds, 3),
        memory={**asdict(needed), "total": needed.total, "measured_peak": peak_bytes()},
        ended=read_clock(),
    )


def _check_memory(config: TrainingConfig, material: Material, dtype: str, tell: Callable[[str], None]) -> Need:
    micro, _ = split_batch(config)
    batch = Batch(
        rows=micro,
        length=config.max_length if config.packing else max(map(len, material.train.input_ids)),
        keeps_scores=not on_accelerator(),
    )
    needed = need(material.base.path, config, dtype=dtype, batch=batch, shards=shards())
    tell(f"memory: about {needed.told()}")
    if not config.ignore_memory:
        check_memory(needed, available_bytes())
    return needed


def _nothing(_line: str) -> None:
    """Return what the processes tell that are not the first one."""


@contextmanager
def _library_output(log: Path) -> Iterator[None]:
    """Libraries' output and warnings go to `log`."""
    with redirect_output(log), warnings.catch_warnings():
        warnings.simplefilter("default")
        yield
