"""What users get wrong, as data: arguments, the exit code they must end with, a part of the message they must get.

`python -m tests.bad_inputs` prints every message, to be read as a user reads it.
"""

from __future__ import annotations

import contextlib
import gzip
import json
import os
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from harness.cli import main
from tests.commands import references, write_rows
from tests.runs import outcomes, write_run

HUMANEVAL = ("-b", "humaneval", "--sandbox", "process")
TRAINING = ("finetune", "empty", "--data", "good.jsonl", "--out", "ckpt")
EVOLVING = ("evolve", "-m", "replay:good.jsonl", "--out", "data")
NO_SERVER = ("run", "openai:model@http://127.0.0.1:9/v1")
SAMPLED = ("run", "replay:good.jsonl", *HUMANEVAL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bad:
    """One wrong use; it runs in a folder that `write_files` has filled."""

    arguments: tuple[str, ...]
    message: str
    code: int = 2
    begun: bool = False
    """The run had begun: its folder stays, and the same command goes on with it."""

    @property
    def command(self) -> str:
        """As it is typed."""
        return " ".join(["harness", *self.arguments])


def bad(*arguments: str, message: str, code: int = 2, begun: bool = False) -> Bad:
    """A row of the table."""
    return Bad(arguments=arguments, message=message, code=code, begun=begun)


CASES = [
    # the parser
    bad("rnu", message="No such command 'rnu'"),
    bad("run", "--bechmark", "humaneval", message="No such option: --bechmark"),
    bad("score", message="Missing argument 'samples'"),
    bad(*SAMPLED, "--n", "many", message='"many": Input should be a valid integer'),
    bad("gate", "base", message="Missing argument 'candidate'"),
    bad("sandbox", "bild", message="No such command 'bild'"),
    # names
    bad("run", "replay:good.jsonl", "-b", "humanevl", message='Did you mean "humaneval"?'),
    bad(
        "run", "smollm2-135m-instrct", "-b", "humaneval", "-r", "chat", message='Did you mean "smollm2-135m-instruct"?'
    ),
    bad(*SAMPLED, "-r", "wizzardcoder", message='Did you mean "wizardcoder"?'),
    bad(*SAMPLED, "--recipe-file", "none.toml", message="recipe file none.toml does not exist"),
    bad(*SAMPLED, "--recipe-file", "broken.toml", message="recipe file broken.toml is not TOML"),
    bad(*SAMPLED, "--recipe-file", "unknown.toml", message='key "temprature" is not known'),
    bad(*SAMPLED, "--recipe-file", "empty", message="empty is not a run folder"),
    bad(*SAMPLED, "--recipe-file", "base", message="base was not made with a recipe file"),
    bad(*SAMPLED, "-r", "chat", "--recipe-file", "mine.toml", message="give one of them"),
    bad(
        *SAMPLED, "--recipe-file", "mine.toml", message="mine.toml line 3: template has {problem}; it can have {prompt}"
    ),
    bad(*SAMPLED, "-r", "alpaca", "--system", "x", message='the prompt of "alpaca" is a text'),
    bad("score", "base", "--extractors", "all", "--recipe-file", "mine.toml", message="--recipe-file does not go with"),
    bad("run", "replay:good.jsonl", "-b", "humaneval", "--sandbox", "dokcer", message='Did you mean "docker"?'),
    bad(*SAMPLED, "--trust", "none", message="trust is \"none\"; it must be 'in-process' or 'split'"),
    bad("run", "empty", *HUMANEVAL, "-r", "chat", "--backend", "vlm", message='Did you mean "vllm"?'),
    bad("list", "things", message='"things" cannot be listed; choose one of'),
    bad("sandbox", "build", "coer", message="choose one of core, ds1000"),
    bad("run", "replay:good.jsonl", "-b", "humaneval", "--split", "train", message='has no split "train"'),
    bad(
        "run",
        "openai:model@http://127.0.0.1:9/v1",
        *HUMANEVAL,
        "-r",
        "chat",
        message="no server answers at",
        code=3,
        begun=True,
    ),
    # figures
    bad("run", "replay:good.jsonl", message="no benchmark is named"),
    bad("run", "-b", "humaneval", message="no model is named"),
    bad(*SAMPLED, "-k", "10", message="ask for --n 10 or more"),
    bad(*SAMPLED, "--n", "0", message="n is 0; it must be greater than or equal to 1"),
    bad(*SAMPLED, "--temperature", "-1", message="temperature is -1.0"),
    bad(*SAMPLED, "--temperature", "inf", message="temperature is Infinity; it must be a finite number"),
    bad(*SAMPLED, "--top-p", "1.5", message="top_p is 1.5; it must be less than or equal to 1"),
    bad(*SAMPLED, "--limit", "-3", message="limit is -3"),
    bad(*SAMPLED, "--tasks", "HumanEval/164", message='no benchmark of the run has "HumanEval/164". Did you mean'),
    bad(*SAMPLED, "--tasks", "HumanEval/160-170", message='"HumanEval/160-170" has to lie within HumanEval/0-163'),
    bad(*SAMPLED, "--stop", "", message='stop.0 is ""; it must'),
    bad(*SAMPLED, "-b", "humaneval", message="a benchmark is named twice"),
    bad(*SAMPLED, "--repeat", "2", "--temperature", "0.5", message="repeat is 2, which is for greedy runs"),
    bad(
        *SAMPLED,
        "--gpu-memory-utilization",
        "90",
        message="gpu_memory_utilization is 90.0; it must be",
    ),
    bad(*SAMPLED, "--top-k", "0", message="top_k is 0; it must be greater than or equal to 1"),
    bad(*SAMPLED, "--min-p", "2", message="min_p is 2.0; it must be less than 1"),
    bad(*SAMPLED, "--tensor-parallel-size", "0", message="tensor_parallel_size is 0"),
    bad(*SAMPLED, "--pipeline-parallel-size", "0", message="pipeline_parallel_size is 0"),
    bad(*SAMPLED, "--max-model-len", "0", message="max_model_len is 0"),
    bad(*SAMPLED, "--batch-size", "0", message="batch_size is 0"),
    bad(*SAMPLED, "--workers", "0", message="workers is 0"),
    bad(*SAMPLED, "--seed", "-1", message="seed is -1"),
    bad(
        *SAMPLED, "-r", "chat", "--thinking", "maybe", message="thinking is \"maybe\"; it must be 'on', 'off' or 'auto'"
    ),
    bad(*SAMPLED, "-r", "completion", "--thinking", "off", message='recipe "completion" uses none; leave it out'),
    bad(*SAMPLED, "-r", "chat", "--thinking-budget", "0", message="thinking_budget is 0"),
    bad(
        *SAMPLED,
        *("-r", "chat", "--thinking-budget", "9", "--max-tokens", "9"),
        message="thinking_budget is 9 and max_tokens 9, which leaves no token",
    ),
    bad(*SAMPLED, "-r", "chat", "--chat-template-arg", "high", message='"high" must be KEY=VALUE'),
    bad(*SAMPLED, "-r", "chat", "--chat-template-arg", "messages=1", message="the harness sets it itself"),
    # configuration files
    bad("run", "--config", "none.toml", message="none.toml cannot be read: No such file"),
    bad("run", "--config", "broken.toml", message="broken.toml is not TOML"),
    bad(
        "run",
        "--config",
        "unknown.toml",
        message='unknown.toml: key "temprature" is not known.',
    ),
    bad("run", "--config", "type.toml", message='type.toml: n is "two"; it must be a valid integer'),
    # checkpoints
    bad("run", "./no-such-folder", *HUMANEVAL, "-r", "chat", message="no-such-folder does not exist"),
    bad("run", "./empty", *HUMANEVAL, "-r", "chat", message="config.json"),
    bad("run", "./no-weights", *HUMANEVAL, "-r", "chat", message="no *.safetensors file is there"),
    bad("run", "./pickled", *HUMANEVAL, "-r", "chat", message="--allow-pickle"),
    bad("run", "./own-code", *HUMANEVAL, "-r", "chat", message="--trust-remote-code", begun=True),
    bad("run", "./no-weights", *HUMANEVAL, message="no recipe of its own"),
    bad(*SAMPLED, "--lora", "empty", message="NAME=FOLDER"),
    # samples
    bad("run", "replay:nothing.jsonl", *HUMANEVAL, message="nothing.jsonl cannot be read: No such file"),
    bad("score", "nothing.jsonl", "-b", "humaneval", message="nothing.jsonl does not exist"),
    bad("score", "good.jsonl", message="no benchmark is named"),
    bad("score", "broken.jsonl", *HUMANEVAL, message="broken.jsonl line 2: not JSON"),
    bad("score", "unknown.jsonl", *HUMANEVAL, message='task_id "HumanEval/999" is not in humaneval'),
    bad("score", "fields.jsonl", *HUMANEVAL, message="fields.jsonl line 1"),
    bad("score", "empty.jsonl", *HUMANEVAL, message="holds no samples for humaneval"),
    bad("score", "cut.jsonl.gz", *HUMANEVAL, message="cut.jsonl.gz cannot be read"),
    bad("score", "binary.jsonl", *HUMANEVAL, message="not UTF-8"),
    bad(
        "score",
        "good.jsonl",
        *HUMANEVAL,
        "--field",
        "answer",
        message='line 1: no field "answer" (there are: task_id, completion)',
    ),
    bad("score", "base", message="is a folder; add --re-extract"),
    # run folders
    bad("report", "empty", message="is not a run folder"),
    bad("show", "empty", message="is not a run folder"),
    bad("show", "damaged", message="damaged/run.json cannot be read"),
    bad("view", "empty", message="holds no run"),
    bad("view", "nothing", message="is not a folder"),
    bad("view", ".", "--port", "-1", message="port -1 is none; it must be from 0 to 65535"),
    bad("report", "damaged", message="damaged/run.json cannot be read"),
    bad("compare", "base", "nothing", message="nothing is not a run folder"),
    bad("compare", "base", message="two"),
    bad("compare", "base", "other", message="temperature"),
    bad("gate", "base", "other", message="temperature"),
    bad("gate", "base", "base", "--max-drop", "200", message="max_drop is 200.0; it must be less than or equal to 100"),
    bad("gate", "base", "base", "--noise-floor", "-1", message="noise_floor is -1.0"),
    bad("gate", "base", "base", "--level", "0", message="level is 0.0"),
    bad("gate", "base", "base", "--must-pass", "HumanEval/999", message='"HumanEval/999" is not in'),
    bad("gate", "base", "base", "--rules", "unknown.toml", message='key "temprature" is not known'),
    bad("leaderboard", "empty", message="holds no run with a score"),
    bad("export", "base", "good.jsonl", "--format", "human-eval", message="exists; --force replaces it"),
    bad("export", "base", "out.jsonl", "--format", "yaml", message="choose one of evalplus, human-eval"),
    bad("import", "good.jsonl", "-b", "humaneval", message="is none of: EvalPlus"),
    bad(
        "run",
        "replay:good.jsonl",
        *HUMANEVAL,
        "--out",
        "base",
        message="base holds another configuration: backend is null there",
    ),
    bad(
        "run",
        "replay:good.jsonl",
        *HUMANEVAL,
        "--out",
        "good.jsonl/run",
        message="good.jsonl/run cannot be written: Not a directory",
    ),
    bad("compare", "base", "base", "--out", "good.jsonl/compared", message="good.jsonl/compared cannot be written"),
    bad("leaderboard", ".", "--out", "good.jsonl/board", message="good.jsonl/board cannot be written"),
    # the service
    bad("serve", "--host", "0.0.0.0", message="--host 0.0.0.0 can be reached from other machines; give a token"),
    bad("serve", "--token-file", "missing.txt", message="--token-file missing.txt cannot be read: No such file"),
    bad("serve", "--token-file", "good.jsonl", message="the token must have 16 or more printable ASCII characters"),
    bad("serve", "-e", "cor", message='environment "cor" is not known; choose one of core, ds1000'),
    bad("serve", "--sandbox", "proces", message='sandbox "proces" is not known. Did you mean "process"?'),
    bad("serve", "--queue", "5", message="queue is 5 and max_programs is 10000; the queue must hold a whole request"),
    bad("serve", "--max-body-mb", "0", message="max_body_mb is 0; it must be more than 0"),
    bad("serve", "--host", "203.0.113.1", "--token-file", "token.txt", message="cannot be listened at"),
    # the other verbs
    bad("reproduce", "wizardcodr", message="there is wizardcoder"),
    bad("reproduce", "wizardcoder", message="nothing to reproduce wizardcoder with"),
    bad("reproduce", "wizardcoder", "--samples", "99B=good.jsonl", message='checkpoint "99B" is not in wizardcoder'),
    bad("verify", "humaneval", "--golden", "good.jsonl", message="--golden and --truth go together"),
    bad("data", "fetch", "humanevl", message='Did you mean "humaneval"?'),
    bad("data", "export", "humaneval", "--out", "rows.jsonl", message="is for evaluation"),
    bad(
        "data",
        "from-runs",
        "base",
        "--as",
        "sft",
        "--out",
        "rows.jsonl",
        message='benchmark "humaneval" is for evaluation',
    ),
    bad("ask", "smollm2-135m-instruct", "hello", "--file", "good.jsonl", message="--file holds the instructions"),
    bad("evolve", "nothing.jsonl", "-m", "replay:good.jsonl", "--out", "data", message="nothing.jsonl cannot be read"),
    bad(
        "evolve",
        "-m",
        "replay:good.jsonl",
        "--out",
        "data",
        "--preset",
        "wizard",
        message="choose one of wizardlm, wizardcoder",
    ),
    bad("decontaminate", "broken.jsonl", "--out", "clean", message='line 1 has no "instruction"'),
    bad("finetune", "empty", "--data", "nothing.jsonl", "--out", "ckpt", message="empty has no config.json"),
    bad("finetune", "--preset", "large", message="Known: wizardcoder-15b"),
    bad(*TRAINING, "--weight-decay", "-1", message="weight_decay is -1.0"),
    bad(*TRAINING, "--log-every", "0", message="log_every is 0"),
    bad(*TRAINING, "--eval-every", "0", message="eval_every is 0"),
    bad(*TRAINING, "--save-every", "0", message="save_every is 0"),
    bad(*TRAINING, "--warmup-steps", "-1", message="warmup_steps is -1"),
    bad(*TRAINING, "--max-grad-norm", "-1", message="max_grad_norm is -1.0"),
    bad(*TRAINING, "--schedule", "steps", message="schedule is \"steps\"; it must be 'cosine'"),
    bad(*TRAINING, "--truncated", "cut", message="truncated is \"cut\"; it must be 'drop' or 'keep'"),
    bad(*TRAINING, "--held-out", "2", message="held_out is 2.0"),
    bad(*TRAINING, "--lora", "many", message="it must be R,ALPHA,TARGET"),
    bad(*TRAINING, "--quantization", "4bit", message="add --lora"),
    bad(*TRAINING, "--method", "ppo", message="method is \"ppo\"; it must be 'sft', 'dpo', 'kto' or 'grpo'"),
    bad(*TRAINING, "--beta", "0.2", message="beta is 0.2, which is for --method dpo or kto or grpo alone"),
    bad(*TRAINING, "--method", "grpo", message="name a benchmark or a file with --problems"),
    bad(*TRAINING, "--method", "grpo", "--problems", "mbpp-train", "--generations", "1", message="generations is 1"),
    bad(*EVOLVING, "--rounds", "-1", message="rounds is -1"),
    bad(*EVOLVING, "--patience", "0", message="patience is 0"),
    bad(*EVOLVING, "--operator-file", "broken.toml", message="broken.toml is not TOML"),
    bad(*EVOLVING, "--form", "essay", message='form is "essay"; it must be'),
    bad(*EVOLVING, "--ngram-share", "2", message="ngram_share is 2.0"),
    bad(*EVOLVING, "--similarity", "0", message="similarity is 0.0"),
    bad(*EVOLVING, "--budget-tokens", "0", message="budget_tokens is 0"),
    bad(*EVOLVING, "--sample", "0", message="sample is 0"),
    bad(*EVOLVING, "--stop-on", "mbpp:validation", message="name its base with --stop-base"),
    bad(
        *EVOLVING,
        "--stop-on",
        "mbpp",
        "--stop-base",
        "empty",
        "--stop-config",
        "none.toml",
        message="none.toml cannot be read: No such file",
    ),
    bad(*EVOLVING, "--dry-run", "--tokens-per-s", "0", message="--tokens-per-s is 0.0"),
    bad("merge", "empty", "--out", "merged", message="adapter_config.json"),
    bad("loop", message="no configuration is named"),
    bad("loop", "unknown.toml", message='"temprature" is not known'),
    bad("untouched", "base", "empty", message="manifest.json"),
]


def write_files(folder: Path) -> None:
    """The files that the table's commands name."""
    references(folder / "good.jsonl")
    write_rows(folder / "unknown.jsonl", [{"task_id": "HumanEval/999", "completion": "pass"}])
    write_rows(folder / "fields.jsonl", [{"task_id": "HumanEval/0", "text": "pass"}])
    (folder / "broken.jsonl").write_text('{"task_id": "HumanEval/0", "completion": ""}\n{"task_id": \n')
    (folder / "empty.jsonl").write_text("")
    (folder / "binary.jsonl").write_bytes(b'{"task_id": "\xff"}\n')
    (folder / "cut.jsonl.gz").write_bytes(gzip.compress((folder / "good.jsonl").read_bytes())[:500])
    (folder / "broken.toml").write_text("model = \n")
    (folder / "unknown.toml").write_text("temprature = 0.2\n")
    (folder / "mine.toml").write_text('name = "mine"\nkind = "chat"\ntemplate = "{problem}"\nextraction = "fenced"\n')
    (folder / "type.toml").write_text('model = "replay:good.jsonl"\nbenchmarks = ["humaneval"]\nn = "two"\n')
    (folder / "token.txt").write_text("a token of sixteen letters\n")
    _write_checkpoints(folder)
    write_run(folder / "base", outcomes(range(100)))
    write_run(folder / "other", outcomes(range(100)), temperature=0.8)
    write_run(folder / "damaged", outcomes(range(3), 4))
    (folder / "damaged" / "run.json").write_text('{"identity": ')


def _write_checkpoints(folder: Path) -> None:
    (folder / "empty").mkdir()
    llama = {"model_type": "llama", "architectures": ["LlamaForCausalLM"], "vocab_size": 8, "hidden_size": 8}
    code = {"auto_map": {"AutoModelForCausalLM": "modeling.Model"}, "model_type": "own", "architectures": ["Model"]}
    for name, config in {"no-weights": llama, "pickled": llama, "own-code": code}.items():
        (folder / name).mkdir()
        (folder / name / "config.json").write_text(json.dumps(config))
    (folder / "pickled" / "pytorch_model.bin").write_bytes(b"\x80\x04N.")
    (folder / "own-code" / "model.safetensors").write_bytes(b"\x08\0\0\0\0\0\0\0{}      ")
    tokenizer = {"auto_map": {"AutoTokenizer": ["modeling.Tokenizer", None]}, "tokenizer_class": "Tokenizer"}
    (folder / "own-code" / "tokenizer_config.json").write_text(json.dumps(tokenizer))
    (folder / "own-code" / "modeling.py").write_text("raise SystemExit('code of the checkpoint ran')\n")


def outcome(case: Bad) -> tuple[int, str]:
    """The exit code and stderr of a command, run in this process and the current folder."""
    with tempfile.TemporaryFile("w+", encoding="utf-8") as errors, _stderr(errors):
        code: object = None
        try:
            main(list(case.arguments))
        except SystemExit as ended:
            code = ended.code
        errors.seek(0)
        return int(str(code or 0)), errors.read()


@contextlib.contextmanager
def _stderr(stream: object) -> Iterator[None]:
    before, sys.stderr = sys.stderr, stream  # type: ignore[assignment]
    try:
        yield
    finally:
        sys.stderr = before


def show() -> None:
    """Print every command with the message it gets."""
    with tempfile.TemporaryDirectory() as folder:
        write_files(Path(folder))
        os.chdir(folder)
        for case in CASES:
            code, told = outcome(case)
            mark = "" if code == case.code and case.message in told else f"   <-- not {case.code}, {case.message!r}"
            print(f"$ {case.command}\n[{code}] {told.strip()}{mark}")


if __name__ == "__main__":
    show()
