"""A real training by TRL on a tiny random checkpoint."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from harness.errors import HarnessError, StoreError, UsageError
from harness.finetune.order import order_rows, sort_steps
from harness.finetune.rows import read_training_rows
from harness.finetune.tokens import encode_rows
from harness.finetune.train import TrainedCheckpoint, finetune
from harness.models.checkpoint import digest_weights
from harness.models.rendering import load_tokenizer
from harness.tasks.recipes import recipe
from tests.commands import write_rows
from tests.finetune.world import row, small, write_data


def quietly(base: Path, data: Path, out: Path, **changed: Any) -> TrainedCheckpoint:
    return finetune(small(base, data, out, **changed), tell=lambda _: None)


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_data(tmp_path_factory.mktemp("data") / "data.jsonl")


def answer_loss(base: Path, data: Path) -> float:
    """The mean over all answer tokens of the cross-entropy, row by row without any padding, made by hand."""
    import torch
    from transformers import AutoModelForCausalLM

    model: Any = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    rows = read_training_rows(data)
    encoded = encode_rows(rows, recipe("wizardcoder"), load_tokenizer(base), name="m", max_length=256)
    found = []
    for ids, mask in zip(encoded.input_ids, encoded.completion_mask, strict=True):
        with torch.no_grad():
            chances = model(torch.tensor([ids])).logits[0].log_softmax(-1)
        found += [-chances[at - 1, ids[at]].item() for at, one in enumerate(mask) if one]
    return sum(found) / len(found)


def test_a_training_ends_in_a_checkpoint_with_its_manifest(base: Path, data: Path, tmp_path: Path) -> None:
    """Weights of the base's shape, other than the base's, and harness.json says what they come from."""
    config = small(base, data, tmp_path / "out", held_out=0.25, epochs=2)

    trained = finetune(config, tell=lambda _: None)

    manifest = json.loads((tmp_path / "out" / "harness.json").read_text(encoding="utf-8"))
    assert manifest == trained.manifest
    assert manifest["finished"]
    assert manifest["recipe"] == {"name": "wizardcoder", "digest": recipe("wizardcoder").digest}
    assert manifest["base"]["weights_digest"] == digest_weights(base) != digest_weights(trained.folder)
    assert (manifest["data"]["rows"], manifest["data"]["held_out_rows"], manifest["data"]["trained_rows"]) == (9, 3, 18)
    assert [step for step, _ in trained.losses["train"]] == [1, 2, 3, 4, 5]
    assert trained.losses["held_out"][0][0] == 0
    assert trained.losses["held_out"][-1][1] < trained.losses["held_out"][0][1]
    assert finetune(config, tell=lambda _: None).skipped
    about = tmp_path / "out" / "training"
    assert (about / "loss.png").read_bytes().startswith(b"\x89PNG")
    page = (about / "report.html").read_text(encoding="utf-8")
    assert "<svg" in page and f"{trained.losses['held_out'][-1][1]:.4f}" in page and "src=" not in page
    assert not (tmp_path / "out" / "checkpoints").exists()


@pytest.mark.parametrize("changed", [{}, {"micro_batch_size": 2}, {"packing": True}, {"gradient_checkpointing": True}])
def test_losses_are_those_of_the_answer_tokens(base: Path, data: Path, tmp_path: Path, changed: Any) -> None:
    """Held out and trained, in one step of all rows: padded, in parts, packed (so rows stay apart) or recomputed."""
    trained = quietly(base, data, tmp_path / "out", held_out=data, batch_size=12, max_steps=1, **changed)

    expected = pytest.approx(answer_loss(base, data), abs=1e-4)
    assert trained.losses["held_out"][0] == [0, expected]
    assert trained.losses["train"] == [[1, expected]]


def test_the_same_seed_gives_the_same_weights(base: Path, data: Path, tmp_path: Path) -> None:
    """And another one others; with LoRA too, whose files are the same bytes."""
    for lora in (None, "2,4"):
        digests = [
            digest_weights(
                quietly(base, data, tmp_path / f"{lora}-{at}", seed=seed, lora=as_lora(lora), max_steps=2).folder
            )
            for at, seed in enumerate((0, 0, 1))
        ]
        assert digests[0] == digests[1] != digests[2]


def test_a_stopped_training_goes_on_to_the_same_weights(base: Path, data: Path, tmp_path: Path) -> None:
    """From its last state, with the same losses as one that was not stopped."""
    settings = {"epochs": 3, "held_out": 0.25, "save_every": 2}
    whole = quietly(base, data, tmp_path / "whole", **settings)
    told: list[str] = []

    def stop(line: str) -> None:
        if line.startswith("step 5/7, held-out"):
            raise KeyboardInterrupt

    config = small(base, data, tmp_path / "stopped", **settings, eval_every=1)
    with pytest.raises(KeyboardInterrupt):
        finetune(config, tell=stop)
    assert not (tmp_path / "stopped" / "model.safetensors").exists()
    (tmp_path / "stopped" / "checkpoints" / "checkpoint-6").mkdir()  # as a kill leaves it: not whole
    finished = finetune(config, tell=told.append)

    assert "going on from step 4" in told
    assert digest_weights(finished.folder) == digest_weights(whole.folder)
    assert finished.losses["train"] == whole.losses["train"]
    assert [step for step, _ in finished.losses["held_out"]] == [0, 1, 2, 3, 4, 5, 6, 7]


def test_held_out_rows_that_are_trained_on_are_told(base: Path, data: Path, tmp_path: Path) -> None:
    """On the terminal and on the page: their loss falls whatever the model has learned."""
    told: list[str] = []
    finetune(small(base, data, tmp_path / "out", held_out=data, max_steps=1), tell=told.append)
    assert "warning: 12 held-out rows are trained on as well; their loss says little" in told
    page = (tmp_path / "out" / "training" / "report.html").read_text(encoding="utf-8")
    assert "12 held-out rows were trained on as well" in page


def test_a_budget_of_tokens_counts_answers(base: Path, data: Path, tmp_path: Path) -> None:
    """Two data sets can be trained on for equally many tokens; the last row may exceed the budget."""
    trained = quietly(base, data, tmp_path / "out", max_tokens=100)
    (encoded,) = [
        encode_rows(read_training_rows(data), recipe("wizardcoder"), load_tokenizer(base), name="m", max_length=256)
    ]
    assert 100 <= trained.manifest["data"]["trained_answer_tokens"] < 100 + max(encoded.answer_tokens)


def test_the_order_is_the_seeds(data: Path) -> None:
    """Whole passes, each shuffled anew; longer rows first within a step, and no row of another step."""
    order = order_rows([1] * 10, seed=1, epochs=2.5)
    assert sorted(order[:10]) == sorted(order[10:20]) == list(range(10)) and len(order) == 25
    assert order[:10] != order[10:20]
    assert order == order_rows([1] * 10, seed=1, epochs=2.5) != order_rows([1] * 10, seed=2, epochs=2.5)
    lengths = [5, 9, 1, 7, 3, 8]
    assert sort_steps([2, 0, 1, 4, 3, 5], lengths, 3) == [1, 0, 2, 5, 3, 4]


def test_a_pad_token_does_not_grow_the_vocabulary(base: Path, data: Path, tmp_path: Path) -> None:
    """The base has none; the checkpoint pads with its EOS, and has as many rows as the base."""
    from transformers import AutoConfig, AutoTokenizer

    trained = quietly(base, data, tmp_path / "out")

    tokenizer: Any = AutoTokenizer.from_pretrained(trained.folder)
    assert load_tokenizer(base).pad_token is None
    assert tokenizer.pad_token == tokenizer.eos_token and len(tokenizer) == len(load_tokenizer(base))
    shapes = [AutoConfig.from_pretrained(folder).vocab_size for folder in (base, trained.folder)]
    assert shapes[0] == shapes[1]


def as_lora(text: str | None) -> Any:
    from harness.finetune.config import parse_lora

    return parse_lora(text) if text else None


@pytest.mark.parametrize(
    ("rows", "changed", "message"),
    [
        ([row(0), {**row(1), "output": "  "}], {}, r'1 of 2 rows have an empty "output", the first is line 2'),
        ([{"instruction": "x", "output": 3}], {}, r'line 1: "output" is 3, expected a text'),
        ([], {}, "has no rows"),
        ([row(0)], {"max_length": 1024}, r"max_length is 1024, and the context of .* has 512 tokens"),
        ([row(0)], {"max_length": 10}, r"none of the 1 rows fits in 10 tokens"),
        ([row(0)], {"dtype": "float16"}, "float16 trains on accelerators only"),
        ([row(0)], {"micro_batch_size": 3}, "micro_batch_size is 3, which does not divide the 4 rows"),
        ([row(0)], {"held_out": 0.5}, "leaves one part empty"),
        ([row(0)], {"lora": "4,8,w_proj"}, 'lora target "w_proj" is no matrix of this model; it has down_proj, gate_'),
        ([row(0)], {"batch_size": 2**20, "micro_batch_size": 2**20}, r"training needs about .* GB .* are available"),
    ],
)
def test_what_cannot_be_trained_is_refused_in_a_line(
    rows: list[Any], changed: dict[str, Any], message: str, base: Path, tmp_path: Path
) -> None:
    """Before anything is loaded, or as soon as it is known."""
    data = write_rows(tmp_path / "data.jsonl", rows)
    if message.startswith("float16"):
        import torch

        if torch.cuda.is_available():
            pytest.skip("an accelerator trains in float16")
    changed = {**changed, **({"lora": as_lora(changed["lora"])} if "lora" in changed else {})}
    with pytest.raises(HarnessError, match=message) as caught:
        quietly(base, data, tmp_path / "out", **changed)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out" / "model.safetensors").exists()


def test_another_configuration_in_the_folder_is_refused(base: Path, data: Path, tmp_path: Path) -> None:
    """And so is a folder of something else."""
    quietly(base, data, tmp_path / "out", max_steps=1)
    with pytest.raises(StoreError, match=r"a training of another configuration: seed is 0 there and 1 now"):
        quietly(base, data, tmp_path / "out", max_steps=1, seed=1)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "notes.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(StoreError, match=r"holds notes\.txt but no training of ours"):
        quietly(base, data, tmp_path / "other")


def test_a_loss_that_is_no_number_ends_the_training(base: Path, data: Path, tmp_path: Path) -> None:
    """Instead of a checkpoint that answers nothing."""
    with pytest.raises(HarnessError, match=r"step \d+: the loss is (nan|inf); lower --learning-rate"):
        quietly(base, data, tmp_path / "out", learning_rate=1e30, epochs=3, max_grad_norm=1e30)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"epocs": 2}, 'Did you mean "epochs"'),
        ({"seed": "1"}, 'seed is "1"; it must be a valid integer'),
        ({"learning_rate": 0}, "learning_rate is 0; it must be greater than 0"),
        ({"quantization": "4bit"}, "only adapters can be trained on; add --lora"),
        ({"lora": "many"}, "it must be R,ALPHA,TARGET"),
        ({"dtype": "int8"}, "dtype is \"int8\"; it must be 'auto', 'bfloat16', 'float16' or 'float32'"),
    ],
)
def test_a_setting_that_does_not_fit_is_refused(values: dict[str, Any], message: str) -> None:
    """With the value and what would do."""
    from harness.finetune.config import build_training_config

    with pytest.raises(UsageError) as caught:
        build_training_config({"base": "b", "data": "d", "out": "o", **values})
    assert message in str(caught.value)
