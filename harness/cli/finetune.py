"""`harness finetune` and `harness merge`: from flags to a configuration, and the summary at the end."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..api import finetune_model, merge_adapter
from . import output
from .options import DTYPE, select_given

if TYPE_CHECKING:
    from ..finetune.train import TrainedCheckpoint


def finetune(
    context: typer.Context,
    base: Annotated[str | None, typer.Argument(help="Base checkpoint: built-in name, folder or hub name.")] = None,
    *,
    data: Annotated[
        Path | None,
        typer.Option(help="Training data: a file of the method's rows (sft: Alpaca) or a folder of `harness evolve`."),
    ] = None,
    method: Annotated[str | None, typer.Option(help="Training method: sft (default), dpo, kto or grpo.")] = None,
    out: Annotated[
        Path | None, typer.Option(help="Output folder of the checkpoint; an existing one is resumed.")
    ] = None,
    preset: Annotated[
        str | None,
        typer.Option(help="Preset: wizardcoder-15b, wizardcoder-34b, small or small-lora; overridden by all else."),
    ] = None,
    config: Annotated[Path | None, typer.Option(help="TOML configuration file; flags override it.")] = None,
    recipe: Annotated[str | None, typer.Option("--recipe", "-r", help="Prompt format to train.")] = None,
    held_out: Annotated[str | None, typer.Option(help="Held-out rows: a file, or a fraction such as 0.05.")] = None,
    epochs: Annotated[float | None, typer.Option(help="Number of epochs.")] = None,
    max_steps: Annotated[int | None, typer.Option(help="Stop after this many steps.")] = None,
    max_tokens: Annotated[int | None, typer.Option(help="Stop after this many answer tokens.")] = None,
    batch_size: Annotated[int | None, typer.Option(help="Global batch size in rows.")] = None,
    micro_batch_size: Annotated[int | None, typer.Option(help="Rows per forward pass and process.")] = None,
    beta: Annotated[float | None, typer.Option(help="dpo, kto, grpo: strength of the pull towards the base.")] = None,
    problems: Annotated[
        str | None,
        typer.Option(help="grpo: tests that reward answers: a benchmark for training or a JSON lines file."),
    ] = None,
    environment: Annotated[str | None, typer.Option(help="grpo: what sampled programs may import.")] = None,
    score: Annotated[str | None, typer.Option(help="grpo: reward all tests passed, or their share.")] = None,
    generations: Annotated[int | None, typer.Option(help="grpo: answers sampled per prompt.")] = None,
    answer_length: Annotated[int | None, typer.Option(help="grpo: maximum tokens of a sampled answer.")] = None,
    temperature: Annotated[float | None, typer.Option(help="grpo: sampling temperature.")] = None,
    judge: Annotated[
        str | None,
        typer.Option(help="grpo: address of a `harness serve`; its token is in HARNESS_SERVE_TOKEN."),
    ] = None,
    sandbox: Annotated[str | None, typer.Option(help="grpo: sandbox of the tests: docker or process.")] = None,
    learning_rate: Annotated[float | None, typer.Option("--learning-rate", "--lr", help="Peak learning rate.")] = None,
    schedule: Annotated[
        str | None, typer.Option(help="Schedule: cosine, linear, constant or constant_with_warmup.")
    ] = None,
    warmup_steps: Annotated[int | None, typer.Option(help="Warm-up steps.")] = None,
    weight_decay: Annotated[float | None, typer.Option(help="Weight decay of AdamW.")] = None,
    max_grad_norm: Annotated[float | None, typer.Option(help="Maximum gradient norm.")] = None,
    max_length: Annotated[int | None, typer.Option(help="Maximum sequence length in tokens.")] = None,
    truncated: Annotated[str | None, typer.Option(help="Rows over --max-length: drop or keep (cut).")] = None,
    packing: Annotated[
        bool | None, typer.Option("--packing/--no-packing", help="Pack several rows into one sequence.")
    ] = None,
    gradient_checkpointing: Annotated[
        bool | None,
        typer.Option(
            "--gradient-checkpointing/--no-gradient-checkpointing",
            help="Trade speed for memory by gradient checkpointing.",
        ),
    ] = None,
    dtype: Annotated[str | None, DTYPE] = None,
    lora: Annotated[
        str | None, typer.Option(help="Train a LoRA adapter: R,ALPHA,TARGET,... such as 16,32,all-linear.")
    ] = None,
    quantization: Annotated[str | None, typer.Option(help="Quantize the base under LoRA: 4bit or 8bit.")] = None,
    seed: Annotated[int | None, typer.Option(help="Random seed.")] = None,
    eval_every: Annotated[int | None, typer.Option(help="Steps between evaluations of the held-out loss.")] = None,
    save_every: Annotated[int | None, typer.Option(help="Steps between saved training states.")] = None,
    log_every: Annotated[int | None, typer.Option(help="Steps between logged training losses.")] = None,
    ignore_memory: Annotated[
        bool | None,
        typer.Option("--ignore-memory", help="Start even if the memory estimate says that it will not fit."),
    ] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Discard the saved states and start over.")] = False,
) -> None:
    """Fine-tune a checkpoint on answers, preferences or rewards; the same command completes a stopped training."""
    settings = select_given(locals(), but=("context", "fresh"))
    from ..finetune.machine import exit_process, is_main

    # None: its own line to the terminal, beside which libraries print to a log
    tell = output.print_remark if output.wants_quiet() else None
    trained = finetune_model(**settings, resume=not fresh, command=context.obj, tell=tell)
    if is_main():
        output.print_result(_build_json(trained), lambda: "\n".join(_format_lines(trained)))
    exit_process()


def merge(
    adapter: Annotated[Path, typer.Argument(help="Folder of a LoRA adapter.")],
    *,
    out: Annotated[Path, typer.Option(help="Output folder for the merged checkpoint; it must not exist.")],
    base: Annotated[str | None, typer.Option(help="Base checkpoint. Default: the one that the adapter names.")] = None,
) -> None:
    """Add a LoRA adapter to its base's weights: a full checkpoint for any engine."""
    merged = merge_adapter(adapter, out, base=base)
    output.print_result({"checkpoint": merged}, f"checkpoint  {merged}")


def _build_json(trained: TrainedCheckpoint) -> dict[str, Any]:
    manifest = trained.manifest
    kept = {key: manifest["data"][key] for key in ("trained_rows", "trained_answer_tokens")}
    found = {"checkpoint": trained.folder, "recipe": manifest["recipe"]["name"], **kept}
    return {**found, "losses": trained.losses, "curves": trained.manifest.get("curves", {}), "skipped": trained.skipped}


def _format_lines(trained: TrainedCheckpoint) -> Iterator[str]:
    manifest = trained.manifest
    if trained.skipped:
        yield "it was trained already"
    data = manifest["data"]
    yield f"checkpoint  {trained.folder}"
    yield f"recipe      {manifest['recipe']['name']}"
    yield f"trained on  {data['trained_rows']} rows, {data['trained_answer_tokens']} answer tokens"
    for what, parts in {"loss": trained.losses, **manifest.get("curves", {})}.items():
        for name, curve in parts.items():
            if curve:
                yield f"{name.replace('_', '-'):<11} {what} {curve[0][1]:.4f} -> {curve[-1][1]:.4f}"
