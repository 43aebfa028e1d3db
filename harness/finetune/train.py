"""Fine-tune from a configuration to a checkpoint with its manifest; the same configuration resumes a stopped one."""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..digests import digest_file
from ..models.checkpoint import Checkpoint, digest_weights
from ..models.loading import find_checkpoint
from ..models.options import ModelOptions
from ..models.quiet import redirect_output
from ..progress.streams import duplicate_stream
from ..store.provenance import describe_hardware, read_clock, read_versions
from ..tasks.recipes import recipe
from . import engine
from .callback import collect_curve, collect_losses, make_callback
from .config import TrainingConfig
from .curves import write_curves
from .folder import TrainingFolder
from .machine import check_installed, count_shards, has_accelerator, is_main, select_dtype, split_batch
from .material import Material, make_material, read_parts, report_data
from .memory import Batch, MemoryEstimate, check_memory, estimate_memory, read_available_bytes, read_peak_bytes
from .methods import METHODS
from .rows import TrainingRow, digest_rows, read_data_manifest

PACKAGES = ("evol-harness", "torch", "transformers", "trl", "peft", "accelerate", "datasets", "tokenizers")


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainedCheckpoint:
    """A finished checkpoint."""

    folder: Path
    manifest: dict[str, Any]
    """Content of harness.json."""
    skipped: bool = False
    """Whether it was finished before."""

    @property
    def losses(self) -> dict[str, list[list[float]]]:
        """Return the [step, loss] pairs of "train" and "held_out"."""
        losses: dict[str, list[list[float]]] = self.manifest["losses"]
        return losses


def finetune(
    config: TrainingConfig,
    *,
    tell: Callable[[str], None] | None = None,
    resume: bool = True,
    command: Sequence[str] = (),
) -> TrainedCheckpoint:
    """Train as configured; a finished checkpoint of the same configuration is returned as it is.

    `tell` gets progress lines (default: stderr). Without `resume` a stopped training starts over.

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
        tell = _ignore_line
    with TrainingFolder(config.out, _build_identity(config, base, train, held_out), writes=is_main()) as folder:
        if folder.manifest.get("finished"):
            return TrainedCheckpoint(folder=config.out, manifest=folder.manifest, skipped=True)
        if not resume:
            folder.forget_states()
        material = make_material(config, base, train, held_out)
        report_data(material, tell)
        folder.update(**_describe_training(config, material), command=list(command))
        with _capture_library_output(folder.log):
            _train(config, material, folder, tell)
        if folder.writes:
            tell(f"curves: {write_curves(config.out, folder.manifest)}")
            folder.update(finished=True)
            folder.forget_states()
        return TrainedCheckpoint(folder=config.out, manifest=folder.manifest)


def _build_identity(
    config: TrainingConfig, base: Checkpoint, train: list[TrainingRow], held_out: list[TrainingRow]
) -> dict[str, Any]:
    """Return what decides the weights."""
    return {
        **config.collect_settings(),
        "base": digest_weights(base.path),
        "data": digest_rows(train),
        "held_out": digest_rows(held_out) if held_out else None,
        "recipe": recipe(config.recipe).digest,
        **({"problems": digest_file(config.problems_file)} if config.problems_file else {}),
    }


def _describe_training(config: TrainingConfig, material: Material) -> dict[str, Any]:
    """Return what the manifest says when training starts."""
    base = material.base
    source = read_data_manifest(config.data) or {}
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
        "settings": config.collect_settings(),
        "versions": read_versions(*PACKAGES),
        "hardware": describe_hardware(),
        "started": read_clock(),
    }


def _train(config: TrainingConfig, material: Material, folder: TrainingFolder, tell: Callable[[str], None]) -> None:
    dtype = select_dtype(config.dtype)
    needed = _check_memory(config, material, dtype, tell)
    state = folder.find_last_state()
    held_out, rows = material.held_out, len(material.order)
    arguments = engine.build_arguments(
        config, dtype, rows=rows, held_out=len(held_out) if held_out is not None else 0, fresh=state is None
    )
    model = engine.load_base(material.base.path, config, dtype)
    engine.prepare_tokenizer(material.tokenizer, model.get_input_embeddings().num_embeddings)
    with ExitStack() as resources:
        trainer = engine.make_trainer(
            model,
            config,
            material,
            arguments=arguments,
            callback=make_callback(config.out, tell, main=is_main(), timed=engine.saves_by_time(config)),
            tell=tell,
            resources=resources,
        )
        if state is not None:
            tell(f"going on from step {state.name.rpartition('-')[2]}")
        started = time.monotonic()
        engine.run_training(trainer, state)
        seconds = time.monotonic() - started
        if (
            held_out is not None
            and collect_losses(trainer.state.log_history)["held_out"][-1][0] != trainer.state.global_step
        ):
            trainer.evaluate()
    engine.save_checkpoint(trainer, material.tokenizer, config, material.base.path)
    history = trainer.state.log_history
    folder.update(
        dtype=dtype,
        steps=trainer.state.global_step,
        resumed_from=int(state.name.rpartition("-")[2]) if state is not None else None,
        losses=collect_losses(history),
        curves={name: collect_curve(history, key) for name, key in METHODS[config.method].curves.items()},
        seconds=round(seconds, 3),
        memory={**asdict(needed), "total": needed.total, "measured_peak": read_peak_bytes()},
        ended=read_clock(),
    )


def _check_memory(
    config: TrainingConfig, material: Material, dtype: str, tell: Callable[[str], None]
) -> MemoryEstimate:
    micro, _ = split_batch(config)
    batch = Batch(
        rows=micro * METHODS[config.method].sequences,
        length=config.max_length if config.packing else max(material.train.lengths),
        keeps_scores=not has_accelerator(),
    )
    needed = estimate_memory(
        material.base.path,
        config,
        dtype=dtype,
        batch=batch,
        shards=count_shards(),
        reference=METHODS[config.method].needs_reference(config),
    )
    tell(f"memory: about {needed.format()}")
    if not config.ignore_memory:
        check_memory(needed, read_available_bytes())
    return needed


def _ignore_line(_line: str) -> None:
    """Drop the lines of processes other than the first one."""


@contextmanager
def _capture_library_output(log: Path) -> Iterator[None]:
    """Redirect libraries' output and warnings to `log`."""
    with redirect_output(log), warnings.catch_warnings():
        warnings.simplefilter("default")
        yield
