"""Preferences and rewards: TRL's own trainers on a tiny checkpoint, a real sandbox, and the ids of evaluation."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.errors import HarnessError
from harness.finetune.config import Lora, TrainingConfig, build_training_config
from harness.finetune.material import make_material, read_parts
from harness.finetune.methods import METHODS
from harness.finetune.train import TrainedCheckpoint, finetune
from harness.models.checkpoint import digest_weights
from harness.models.loading import find_checkpoint
from harness.models.options import ModelOptions
from harness.models.rendering import load_tokenizer, render_prompt
from harness.tasks.recipes import recipe
from tests.commands import write_rows
from tests.finetune.world import small

GOOD, BAD = "```python\ndef f(x):\n    return x\n```", "I do not know."
METHODS_ROWS = {
    "dpo": lambda prompt, at: {"prompt": prompt, "chosen": GOOD, "rejected": BAD},
    "kto": lambda prompt, at: {"prompt": prompt, "completion": (BAD, GOOD)[at % 2], "label": at % 2 == 1},
    "grpo": lambda prompt, at: {"instruction": f"Write f, number {at}.", "task_id": f"p{at % 2}"},
}
ASK = {"kind": "tests", "tests": "assert f(1) == 1", "exposes": ["f"]}


def write_method_rows(path: Path, method: str, count: int = 12) -> Path:
    """`count` rows of a method, whose prompts are WizardCoder's."""
    prompts = [recipe("wizardcoder").ask(f"Write f, number {at}.").text for at in range(count)]
    return write_rows(path, [METHODS_ROWS[method](prompt, at) for at, prompt in enumerate(prompts)])


def write_problems(path: Path) -> Path:
    return write_rows(path, [{"id": f"p{at}", "problem": ASK} for at in range(2)])


def configure(base: Path, folder: Path, method: str, **changed: Any) -> TrainingConfig:
    """A training of a few steps of a method on rows in `folder`, to its folder "out"."""
    settings: dict[str, Any] = {"method": method, **changed}
    if method == "grpo":
        file = str(write_problems(folder / "problems.jsonl"))
        settings = {"problems": file, "sandbox": "process", "generations": 2, "answer_length": 8, **settings}
    out = settings.pop("out", folder / "out")
    return small(base, write_method_rows(folder / "rows.jsonl", method), out, **settings)


def quietly(config: TrainingConfig) -> TrainedCheckpoint:
    return finetune(config, tell=lambda _: None)


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Iterator[None]:
    """A model this small takes far longer on many threads than on one."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.mark.parametrize(
    ("method", "curve", "lora"),
    [
        ("dpo", "reward margin", None),
        ("dpo", "reward margin", Lora(r=2)),
        ("kto", "KL divergence", None),
        ("grpo", "reward", None),
        ("grpo", "reward", Lora(r=2)),
    ],
)
def test_a_method_trains_to_a_checkpoint_with_its_curves(
    base: Path, tmp_path: Path, method: str, curve: str, lora: Lora | None
) -> None:
    """Weights other than the base's, a manifest, and the method's curves in it and on the page."""
    told: list[str] = []
    config = configure(base, tmp_path, method, held_out=0.25, max_steps=2, lora=lora, learning_rate=1e-2)

    trained = finetune(config, tell=told.append)

    manifest = json.loads((tmp_path / "out" / "harness.json").read_text(encoding="utf-8"))
    weights = "adapter_model.safetensors" if lora else "model.safetensors"
    assert (tmp_path / "out" / weights).is_file() and digest_weights(base) != digest_weights(trained.folder)
    assert manifest["settings"]["method"] == method and manifest["recipe"]["name"] == "wizardcoder"
    assert (manifest["data"]["rows"], manifest["data"]["held_out_rows"]) == (9, 3)
    steps = [step for step, _ in manifest["curves"][curve]["train"]]
    assert steps == list(range(1, manifest["steps"] + 1))
    assert any(name in line for line in told for name in ("reward", "KL divergence"))
    page = (tmp_path / "out" / "training" / "report.html").read_text(encoding="utf-8")
    assert f"{curve[0].upper()}{curve[1:]} over steps" in page
    assert finetune(config, tell=lambda _: None).skipped


def test_preferred_answers_become_likelier(base: Path, tmp_path: Path) -> None:
    """Than those they are preferred to; on held-out prompts as well."""
    for method in ("dpo", "kto"):
        (tmp_path / method).mkdir()
        trained = quietly(configure(base, tmp_path / method, method, held_out=0.25, epochs=4))
        margins = trained.manifest["curves"]["reward margin"]
        assert margins["held_out"][0][1] == pytest.approx(0, abs=1e-5)
        assert margins["held_out"][-1][1] > 0.1


@pytest.mark.parametrize("method", ["dpo", "kto", "grpo"])
def test_a_stopped_training_goes_on_to_the_same_weights(base: Path, tmp_path: Path, method: str) -> None:
    """From its last state, sampled answers included, byte for byte."""
    settings = {"max_steps": 4, "save_every": 2, "learning_rate": 1e-3}
    whole = quietly(configure(base, tmp_path, method, **settings, out=tmp_path / "whole"))
    config, told = configure(base, tmp_path, method, **settings), list[str]()

    def stop(line: str) -> None:
        if line.startswith(f"step {whole.manifest['steps']}/"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        finetune(config, tell=stop)
    finished = finetune(config, tell=told.append)

    assert any(line.startswith("going on from step ") for line in told)
    assert digest_weights(finished.folder) == digest_weights(whole.folder)
    assert finished.manifest["curves"] == whole.manifest["curves"]


@pytest.mark.parametrize("method", ["dpo", "kto", "grpo"])
def test_prompts_have_the_ids_of_evaluation(base: Path, tmp_path: Path, method: str) -> None:
    """The very ids that a run asks with, and answers that end with EOS."""
    config = configure(base, tmp_path, method)
    material = make_material(config, find_checkpoint(str(base), ModelOptions()), *read_parts(config))
    tokenizer = load_tokenizer(base)
    asked = render_prompt(recipe("wizardcoder").ask("Write f, number 0."), tokenizer, "m")

    columns = METHODS[method].build_columns(material.train, range(12), 2)

    if method == "grpo":
        assert material.train.prompts[0] == asked and columns["prompt"][0] == asked.text
        assert columns["task_id"][:3] == ["p0", "p1", "p0"] and set(columns) == {"prompt", "task_id"}
        return
    assert tuple(columns["prompt_ids"][0]) == asked.token_ids
    good, bad = ("chosen_ids", "rejected_ids") if method == "dpo" else ("completion_ids", "KL_completion_ids")
    first = columns[good][0]
    assert first[-1] == tokenizer.eos_token_id
    assert tokenizer.decode(first[:-1]) == (GOOD if method == "dpo" else BAD)
    assert tokenizer.decode(columns[bad][0][:-1]) == (BAD if method == "dpo" else GOOD)


def test_tests_reward_what_passes_them(base: Path, tmp_path: Path) -> None:
    """A task that a random model cannot solve is worth 0, in every step and on the held-out problems."""
    config = configure(base, tmp_path, "grpo", held_out=0.25, max_steps=2)
    reward = quietly(config).manifest["curves"]["reward"]
    assert [value for _, value in reward["train"] + reward["held_out"]] == [0.0] * (2 + len(reward["held_out"]))


@pytest.mark.parametrize(
    ("method", "row", "changed", "message"),
    [
        (
            "dpo",
            {"prompt": "Write f.", "chosen": GOOD, "rejected": BAD},
            {},
            "line 1: its prompt is not what the recipe",
        ),
        ("dpo", {"prompt": 3}, {}, r'line 1: "prompt" is 3; expected a text, or chat messages'),
        ("dpo", {"chosen": " "}, {}, r'line 1: "chosen" is " "; expected a text'),
        ("kto", {"label": "good"}, {}, r"line 1: \"label\" is 'good'; expected true or false"),
        ("kto", {}, {"micro_batch_size": 1}, "micro_batch_size is 1, and kto compares rows"),
        ("grpo", {"task_id": "p7"}, {}, r"line 1: \"task_id\" is 'p7', which names no problem that has tests"),
        ("grpo", {}, {"problems": "humaneval"}, 'benchmark "humaneval" is for evaluation; training on it'),
        ("grpo", {}, {"max_length": 40, "answer_length": 39}, "none of the 1 rows fits in 40 tokens"),
    ],
)
def test_rows_that_do_not_fit_are_refused_in_a_line(
    base: Path, tmp_path: Path, method: str, row: dict[str, Any], changed: dict[str, Any], message: str
) -> None:
    """With the place, the value and what would do; nothing is trained."""
    config = configure(base, tmp_path, method, **changed)
    prompt = recipe("wizardcoder").ask("Write f.").text or ""
    write_rows(config.data, [{**METHODS_ROWS[method](prompt, 0), **row}])
    with pytest.raises(HarnessError, match=message) as caught:
        quietly(config)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out" / "model.safetensors").exists()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"method": "ppo"}, "method is \"ppo\"; it must be 'sft', 'dpo', 'kto' or 'grpo'"),
        ({"beta": 0.2}, "beta is 0.2, which is for --method dpo or kto or grpo alone"),
        ({"method": "dpo", "packing": True}, "packing is True, which is for --method sft alone"),
        ({"method": "dpo", "beta": 0}, "beta is 0, with which dpo learns nothing"),
        ({"method": "grpo"}, "name a benchmark or a file with --problems"),
        ({"method": "grpo", "problems": "mbpp-train", "generations": 7}, "does not divide into prompts with 7 answers"),
    ],
)
def test_settings_of_another_method_are_refused(values: dict[str, Any], message: str) -> None:
    """With the value and what would do."""
    with pytest.raises(HarnessError) as caught:
        build_training_config({"base": "b", "data": "d", "out": "o", **values})
    assert message in str(caught.value)


def test_a_training_of_answers_is_known_by_the_settings_it_always_had() -> None:
    """Settings of other methods do not count, so that older trainings go on; those of a method have its defaults."""
    values = {"base": "b", "data": "d", "out": "o"}
    plain = build_training_config(values).collect_settings()
    reinforced = build_training_config({**values, "method": "grpo", "problems": "p.jsonl"}).collect_settings()
    assert not {"method", "beta", "generations"} & set(plain) and {"packing", "truncated"} <= set(plain)
    assert (reinforced["learning_rate"], reinforced["beta"]) == (5e-6, 0.04)
    assert not {"problems", "judge", "sandbox"} & set(reinforced)
