"""`harness finetune` and `harness merge`: from flags to a configuration, and the summary at the end."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from . import output
from .options import DTYPE

if TYPE_CHECKING:
    from ..finetune.train import Trained


def finetune(
    context: typer.Context,
    base: Annotated[str | None, typer.Argument(help="Builtin, checkpoint folder or hub name.")] = None,
    *,
    data: Annotated[Path | None, typer.Option(help="Alpaca rows (file), or a folder of `harness evolve`.")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder of the checkpoint; the same one goes on.")] = None,
    preset: Annotated[
        str | None, typer.Option(help="wizardcoder-15b, wizardcoder-34b, small or small-lora; all else wins over it.")
    ] = None,
    config: Annotated[Path | None, typer.Option(help="TOML file; flags win over it.")] = None,
    recipe: Annotated[str | None, typer.Option("--recipe", "-r", help="The prompt that is trained.")] = None,
    held_out: Annotated[str | None, typer.Option(help="File of held-out rows, or a share such as 0.05.")] = None,
    epochs: Annotated[float | None, typer.Option(help="Passes over the data.")] = None,
    max_steps: Annotated[int | None, typer.Option(help="Stop after so many steps.")] = None,
    max_tokens: Annotated[int | None, typer.Option(help="Stop after so many answer tokens.")] = None,
    batch_size: Annotated[int | None, typer.Option(help="Rows per step, over all processes.")] = None,
    micro_batch_size: Annotated[int | None, typer.Option(help="Rows in memory at a time.")] = None,
    learning_rate: Annotated[float | None, typer.Option("--learning-rate", "--lr", help="Its peak.")] = None,
    schedule: Annotated[str | None, typer.Option(help="cosine, linear, constant or constant_with_warmup.")] = None,
    warmup_steps: Annotated[int | None, typer.Option(help="Steps until the peak.")] = None,
    weight_decay: Annotated[float | None, typer.Option(help="AdamW's.")] = None,
    max_grad_norm: Annotated[float | None, typer.Option(help="Gradients are clipped to it.")] = None,
    max_length: Annotated[int | None, typer.Option(help="Tokens of prompt and answer.")] = None,
    truncated: Annotated[str | None, typer.Option(help="Longer rows: drop or keep.")] = None,
    packing: Annotated[bool | None, typer.Option("--packing/--no-packing", help="Several rows per sequence.")] = None,
    gradient_checkpointing: Annotated[
        bool | None, typer.Option("--gradient-checkpointing/--no-gradient-checkpointing", help="Less memory, slower.")
    ] = None,
    dtype: Annotated[str | None, DTYPE] = None,
    lora: Annotated[str | None, typer.Option(help="R,ALPHA,TARGET,... such as 16,32,all-linear.")] = None,
    quantization: Annotated[str | None, typer.Option(help="4bit or 8bit base under LoRA.")] = None,
    seed: Annotated[int | None, typer.Option(help="Decides the order and all that is drawn.")] = None,
    eval_every: Annotated[int | None, typer.Option(help="Steps between held-out losses.")] = None,
    save_every: Annotated[int | None, typer.Option(help="Steps between saved states.")] = None,
    log_every: Annotated[int | None, typer.Option(help="Steps between training losses.")] = None,
    ignore_memory: Annotated[
        bool | None, typer.Option("--ignore-memory", help="Start whatever the estimate says.")
    ] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Begin a stopped training again.")] = False,
) -> None:
    """Fine-tune a checkpoint on instructions and answers; the same command completes a stopped training."""
    flags = dict(locals())  # the parameters, and nothing else yet
    from ..config import read_toml
    from ..finetune.config import training_config
    from ..finetune.machine import is_main, leave
    from ..finetune.presets import preset as settings
    from ..finetune.train import finetune as run

    own = ("context", "config", "preset", "fresh")
    given = {key: value for key, value in flags.items() if key not in own and value is not None}
    values = {**(settings(preset) if preset else {}), **(read_toml(config) if config else {}), **given}
    if isinstance(values.get("held_out"), str):
        values["held_out"] = _share_or_path(values["held_out"])
    # None: its own line to the terminal, beside which libraries print to a log
    tell = output.remark if output.wants_quiet() else None
    trained = run(training_config(values), resume=not fresh, command=context.obj, tell=tell)
    if is_main():
        output.result(_as_json(trained), lambda: "\n".join(_lines(trained)))
    leave()


def merge(
    adapter: Annotated[Path, typer.Argument(help="Folder of a LoRA adapter.")],
    *,
    out: Annotated[Path, typer.Option(help="Folder for the merged checkpoint; must not exist yet.")],
    base: Annotated[str | None, typer.Option(help="Default: the base that the adapter names.")] = None,
) -> None:
    """Add a LoRA adapter to its base's weights: a full checkpoint for any engine."""
    from ..finetune.merge import merge as run

    merged = run(adapter, out, base=base)
    output.result({"checkpoint": merged}, f"checkpoint  {merged}")


def _share_or_path(text: str) -> Any:
    try:
        return float(text)
    except ValueError:
        return Path(text)


def _as_json(trained: Trained) -> dict[str, Any]:
    manifest = trained.manifest
    kept = {key: manifest["data"][key] for key in ("trained_rows", "trained_answer_tokens")}
    found = {"checkpoint": trained.folder, "recipe": manifest["recipe"]["name"], **kept}
    return {**found, "losses": trained.losses, "skipped": trained.skipped}


def _lines(trained: Trained) -> Iterator[str]:
    manifest = trained.manifest
    if trained.skipped:
        yield "it was trained already"
    data = manifest["data"]
    yield f"checkpoint  {trained.folder}"
    yield f"recipe      {manifest['recipe']['name']}"
    yield f"trained on  {data['trained_rows']} rows, {data['trained_answer_tokens']} answer tokens"
    for name, curve in trained.losses.items():
        if curve:
            yield f"{name.replace('_', '-'):<11} loss {curve[0][1]:.4f} -> {curve[-1][1]:.4f}"
