"""What our fine-tuning costs beside a bare TRL script: tokens per second, in turn, on the same rows and settings.

The peer is the script that TRL's documentation shows for prompt-completion data: the same base, rows, seed, batch, type
and learning rate, in a process of its own as ours. Two figures: of the whole command and of the training alone, which
both sides take around `Trainer.train`. Needs the extra `train`.
`python -m tests.performance.training [--rounds N] [--base NAME] [--rows N]`.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.finetune.examples import export_examples
from harness.finetune.rows import read_training_rows
from harness.models.loading import find_checkpoint
from harness.models.options import ModelOptions
from harness.tasks.recipes import recipe

from .measure import cost_of

BATCH, MICRO, LENGTH, RATE = 16, 4, 1024, 5e-5
BARE = """
import json, sys, time
import torch
from datasets import load_dataset
from transformers import AutoModelForCausalLM, AutoTokenizer
from trl import SFTConfig, SFTTrainer
base, data, out, dtype, batch, micro, length, rate = sys.argv[1:]
model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
trainer = SFTTrainer(
    model=model,
    args=SFTConfig(
        output_dir=out, per_device_train_batch_size=int(micro), gradient_accumulation_steps=int(batch) // int(micro),
        num_train_epochs=1, learning_rate=float(rate), lr_scheduler_type="cosine", max_length=int(length),
        logging_steps=1,
        bf16=dtype == "bfloat16", gradient_checkpointing=False, save_strategy="no", report_to="none", seed=0,
        use_cpu=not torch.cuda.is_available(), disable_tqdm=True,
    ),
    train_dataset=load_dataset("json", data_files=data, split="train"),
    processing_class=AutoTokenizer.from_pretrained(base),
)
start = time.monotonic()
trainer.train()
seconds = time.monotonic() - start
trainer.save_model(out)
json.dump({"seconds": seconds}, open(out + "/figures.json", "w"))
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Speed:
    """Of one training."""

    wall_s: float
    train_s: float


def ours(base: str, data: Path, out: Path, dtype: str) -> Speed:
    """`harness finetune`."""
    flags = ["--batch-size", BATCH, "--micro-batch-size", MICRO, "--max-length", LENGTH, "--lr", RATE, "--dtype", dtype]
    command = [sys.executable, "-m", "harness", "finetune", base, "--data", str(data), "--out", str(out)]
    cost = cost_of([*command, *map(str, flags)])
    return Speed(wall_s=cost.wall_s, train_s=json.loads((out / "harness.json").read_text(encoding="utf-8"))["seconds"])


def bare(base: Path, data: Path, out: Path, dtype: str) -> Speed:
    """The script above."""
    settings = map(str, (base, data, out, dtype, BATCH, MICRO, LENGTH, RATE))
    cost = cost_of([sys.executable, "-c", BARE, *settings])
    return Speed(wall_s=cost.wall_s, train_s=json.loads((out / "figures.json").read_text(encoding="utf-8"))["seconds"])


def prompts(data: Path, out: Path, rows: int) -> int:
    """Keep the first rows of `data`, and write the same as prompt and completion to `out`; returns how many."""
    kept = data.read_text(encoding="utf-8").splitlines()[:rows]
    data.write_text("".join(f"{line}\n" for line in kept), encoding="utf-8")
    chosen = recipe("wizardcoder")
    pairs = [{"prompt": chosen.ask(row.instruction).text, "completion": row.output} for row in read_training_rows(data)]
    out.write_text("".join(json.dumps(pair) + "\n" for pair in pairs), encoding="utf-8")
    return len(pairs)


def compare(name: str, mine: Sequence[float], theirs: Sequence[float], tokens: int) -> None:
    """A line with both medians, and what ours costs more."""
    left, right = statistics.median(mine), statistics.median(theirs)
    print(
        f"{name:<16} ours {left:7.2f} s {tokens / left:7.1f} tokens/s   bare TRL {right:7.2f} s {tokens / right:7.1f} "
        f"tokens/s   overhead {100 * (left / right - 1):+5.1f} %",
        flush=True,
    )


def main() -> None:
    """Print both comparisons."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--base", default="smollm2-135m-instruct")
    parser.add_argument("--rows", type=int, default=64)
    parser.add_argument("--dtype", default="bfloat16")
    asked = parser.parse_args()
    base = find_checkpoint(asked.base, ModelOptions())
    pairs: list[tuple[Speed, Speed]] = []
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        data, plain = folder / "rows.jsonl", folder / "prompts.jsonl"
        export_examples("mbpp-train", data)
        prompts(data, plain, asked.rows)
        for number in range(asked.rounds + 1):
            mine = ours(asked.base, data, folder / f"ours-{number}", asked.dtype)
            pairs.append((mine, bare(base.path, plain, folder / f"bare-{number}", asked.dtype)))
        manifest = json.loads((folder / "ours-0" / "harness.json").read_text(encoding="utf-8"))
    tokens = manifest["data"]["trained_tokens"]
    measured = pairs[1:]  # the first one warms both
    print(f"{asked.base}, {asked.rows} rows, {tokens} tokens, {asked.dtype}, {asked.rounds} rounds in turn")
    compare("training alone", [a.train_s for a, _ in measured], [b.train_s for _, b in measured], tokens)
    compare("whole command", [a.wall_s for a, _ in measured], [b.wall_s for _, b in measured], tokens)


if __name__ == "__main__":
    main()
