"""A loop that learns from verdicts: a model whose every token is a whole answer, killed on its way."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from harness.errors import UsageError
from harness.finetune.examples import build_training_examples
from harness.loop.config import read_config
from harness.tasks.suite import load_suite
from tests.commands import harness, read_rows, start, write_rows

TASK = "Mbpp/602"
WRONG = "```python\ndef first_repeated_char(str1):\n    return 0\n```"
CONFIG = """
base = "{folder}/base"
out = "{folder}/out"
data = "{folder}/rows.jsonl"

[finetune]
max_steps = 30
batch_size = 4
learning_rate = 1e-2
max_length = 400
dtype = "float32"

[sample]
benchmarks = ["mbpp-train"]
tasks = ["{task}"]
n = 16
temperature = 1.0

[select]
as = "dpo"
pick = "first"
against = ["humaneval"]

[prefer]
max_steps = 30
batch_size = 2
learning_rate = 1e-2
beta = 0.02
save_every = 1

[reinforce]
data = "{folder}/problems.jsonl"
problems = "mbpp-train"
max_steps = 2
batch_size = 8
generations = 8
answer_length = 4
sandbox = "process"

[run]
benchmarks = ["mbpp-train"]
tasks = ["{task}"]
n = 16
temperature = 1.0
max_tokens = 4
backend = "transformers"
sandbox = "process"
verify = false

[gate]
max_drop = 100
"""


def write_model(folder: Path, answers: list[str]) -> Path:
    """A random model of one layer; each of `answers` is a token."""
    import torch
    from tokenizers import AddedToken, Tokenizer, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    words = ["<s>", "</s>", "<unk>", "Write", "return", "function"]
    made = Tokenizer(models.WordLevel({word: number for number, word in enumerate(words)}, unk_token="<unk>"))
    made.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    made.add_tokens([AddedToken(answer, normalized=False) for answer in answers])
    PreTrainedTokenizerFast(
        tokenizer_object=made, bos_token="<s>", eos_token="</s>", unk_token="<unk>", clean_up_tokenization_spaces=False
    ).save_pretrained(folder)
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(words) + len(answers), hidden_size=16, intermediate_size=16, num_hidden_layers=1,
        num_attention_heads=1, max_position_embeddings=512, bos_token_id=0, eos_token_id=1,
    )  # fmt: skip
    LlamaForCausalLM(config).save_pretrained(folder)
    return folder


def write_world(folder: Path) -> Path:
    """A model that may learn one right and one wrong answer to one problem, and the loop's configuration."""
    suite = load_suite("mbpp-train", tasks=[TASK]).with_recipe("wizardcoder")
    (row,) = build_training_examples(suite)
    write_rows(folder / "rows.jsonl", [row, {**row, "output": WRONG}] * 8)
    write_rows(folder / "problems.jsonl", [row])
    write_model(folder / "base", [row["output"], WRONG])
    file = folder / "loop.toml"
    file.write_text(CONFIG.format(folder=folder, task=TASK), encoding="utf-8")
    return file


def plan(config: Path) -> list[str]:
    """The stages and their states."""
    shown = harness("loop", config, "--dry-run")
    assert shown.returncode == 0, shown.stderr
    return [" ".join(line.split()[:4]) for line in shown.stdout.splitlines()]


@pytest.mark.slow
@pytest.mark.data
def test_the_fine_tune_learns_from_its_own_verdicts_and_a_killed_stage_goes_on(tmp_path: Path) -> None:
    """Sampled, selected, preferred, reinforced, each once; the answer that passes becomes the likelier one."""
    for package in ("torch", "transformers", "trl", "datasketch"):
        pytest.importorskip(package, reason=f"the package {package} is not installed")
    config, out = write_world(tmp_path), tmp_path / "out"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "1")
        assert [line.split()[0] for line in plan(config)] == [
            *("finetune", "sample", "select", "prefer", "reinforce"),
            *("base", "tuned", "preferred", "reinforced", "gate"),
        ]
        killed = start("loop", config)
        wait_for(out, "prefer-*/checkpoints/checkpoint-*/complete", killed)
        os.kill(killed.pid, signal.SIGKILL)
        killed.communicate()
        (sampled,) = (read_rows(file) for file in out.glob("run-*/samples.jsonl"))

        done = harness("loop", config)
        planned = plan(config)

    assert done.returncode == 0, done.stderr
    assert "going on from step" in done.stderr and len(sampled) == 16
    assert all(line.split()[1] == "done" for line in planned)
    assert [line.partition("-")[0] for line in done.stderr.splitlines() if line.endswith("done before, skipped")] == [
        *("finetune", "run", "select"),
        "run",  # the fine-tune's own evaluation is its sampling
    ]
    found: dict[str, Any] = json.loads((out / "loop.json").read_text(encoding="utf-8"))
    records = {name: read_record(out, stage["label"]) for name, stage in found["stages"].items()}
    rates = {name: records[name]["scores"][0]["value"] for name in ("tuned", "preferred", "reinforced")}
    assert 0 < rates["tuned"] < 1 and rates["tuned"] < rates["preferred"]
    assert records["select"]["prompts_with_rows"] == 1 and records["select"]["rows"] == 1
    assert records["prefer"]["curves"]["reward margin"]["train"][-1][1] > 0
    assert records["reinforce"]["curves"]["reward"]["train"][0][1] > 0.5
    page = (out / "loop.html").read_text(encoding="utf-8")
    assert "reward margin of the stage prefer" in page and "reinforced, mbpp-train pass@1" in page


def read_record(out: Path, label: str) -> dict[str, Any]:
    outcome: dict[str, Any] = json.loads((out / "stages" / f"{label}.json").read_text(encoding="utf-8"))["outcome"]
    return outcome


def wait_for(folder: Path, pattern: str, process: Any) -> None:
    """Until a file of the pattern is there; fails when the process ends before."""
    deadline = time.monotonic() + 300
    while not list(folder.glob(pattern)):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('benchmarks = ["mbpp-train"]\ntasks = ["Mbpp/602"]\nn = 16\ntemperature = 1.0\n\n[select]',
         'benchmarks = ["humaneval"]\n\n[select]', 'benchmark "humaneval" is for evaluation'),
        ("[prefer]", "[preferred]", r'key "preferred" is not known.* Did you mean "prefer"'),
        ("[prefer]\nmax_steps = 30\nbatch_size = 2\nlearning_rate = 1e-2\nbeta = 0.02\nsave_every = 1\n", "",
         r"nothing is trained on what \[sample\] makes; add \[prefer\]"),
        ('as = "dpo"', 'as = "ppo"', "form is \"ppo\"; it must be 'sft', 'dpo' or 'kto'"),
        ('as = "dpo"', 'as = "dpo"\nper_problem = 0', "per_problem is 0"),
        ("save_every = 1", "generations = 4", "generations is 4, which is for --method grpo alone"),
        ('problems = "mbpp-train"\n', "", "name a benchmark or a file with --problems"),
        ('max_steps = 30\n', 'method = "dpo"\n', "method is dpo; here it is sft: leave it out"),
        ("save_every = 1", 'method = "kto"', "method is kto; here it is dpo: leave it out"),
    ],
)  # fmt: skip
def test_tables_that_do_not_fit_are_refused_with_their_line(tmp_path: Path, old: str, new: str, message: str) -> None:
    """Before anything is done."""
    text = CONFIG.format(folder=tmp_path, task=TASK)
    assert old in text
    file = tmp_path / "loop.toml"
    file.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(UsageError, match=message):
        read_config(file)
