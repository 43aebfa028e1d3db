"""A small world for the loop: a tiny random model, seeds, replayed replies, and a configuration of it all."""

from __future__ import annotations

from pathlib import Path

from tests.checkpoints import trained_tokenizer, write_llama
from tests.evolve.world import write_replies, write_seeds

SEEDS, ROUNDS = 12, 2
CONFIG = """
base = "{base}"
out = "{out}"

[evolve]
model = "replay:{replies}?delay_s={delay_s}"
seeds = "{seeds}"
rounds = {rounds}
against = ["humaneval", "mbpp-validation"]
{evolve}

{stop}
[finetune]
max_length = 512
batch_size = 4
learning_rate = 1e-3
dtype = "float32"
epochs = {epochs}
save_every = 2
held_out = 0.2

[ablation.finetune]
epochs = 1
lora = "4,8,all-linear"
save_every = 100

[run]
benchmarks = ["humaneval"]
limit = {problems}
max_tokens = 24
backend = "transformers"
sandbox = "process"
verify = false
batch_size = 4

[gate]
max_drop = 100
"""
STOP = """
[stop]
on = "mbpp:validation"
patience = 2

[stop.run]
limit = 4
"""


def write_base(folder: Path) -> Path:
    """A Llama of two layers with random weights, and a tokenizer of 800 tokens."""
    return write_llama(folder, trained_tokenizer(metaspace=False))


def write_config(
    folder: Path,
    base: Path,
    *,
    name: str = "loop",
    stop: str = STOP,
    evolve: str = "",
    rounds: int = ROUNDS,
    epochs: int = 1,
    problems: int = 12,
    delay_s: float = 0.0,
) -> Path:
    """loop.toml in `folder`, whose files go to `folder`/`name`."""
    text = CONFIG.format(
        base=base,
        out=folder / name,
        replies=write_replies(folder / "replies.jsonl", SEEDS, rounds=ROUNDS + 1),
        seeds=write_seeds(folder / "seeds.jsonl", SEEDS),
        stop=stop,
        evolve=evolve,
        rounds=rounds,
        epochs=epochs,
        problems=problems,
        delay_s=delay_s,
    )
    file = folder / f"{name}.toml"
    file.write_text(text, encoding="utf-8")
    return file
