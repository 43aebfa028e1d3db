"""Adapters: trained, merged into their base, refused where they do not fit."""

from __future__ import annotations

import importlib.util
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from harness.errors import ModelError, StoreError
from harness.finetune.config import Lora
from harness.finetune.merge import merge
from harness.finetune.train import finetune
from harness.models.adapters import check_fit, parse_adapters
from harness.models.checkpoint import check_checkpoint
from harness.models.rendering import load_tokenizer
from harness.store import read_manifest
from tests.checkpoints import trained_tokenizer, write_llama
from tests.commands import harness, read_rows
from tests.finetune.world import small, write_data


@pytest.fixture(scope="module")
def adapter(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Trained for a few steps on all matrices."""
    folder = tmp_path_factory.mktemp("adapter")
    config = small(base, write_data(folder / "data.jsonl"), folder / "out", lora=Lora(r=4, alpha=8), learning_rate=1e-2)
    return finetune(config, tell=lambda _: None).folder


def logits(model: Any) -> Any:
    import torch

    with torch.no_grad():
        return model(torch.arange(40).reshape(2, 20)).logits


def test_an_adapter_is_in_the_layout_that_engines_load(base: Path, adapter: Path) -> None:
    """Short names of modules, safetensors of the base's shapes, the manifest beside them."""
    (checked,) = parse_adapters([f"a={adapter}"])
    check_fit(checked, base)
    settings = json.loads((adapter / "adapter_config.json").read_text(encoding="utf-8"))
    assert settings["target_modules"] == [
        *("down_proj", "gate_proj", "k_proj", "o_proj"),
        *("q_proj", "up_proj", "v_proj"),
    ]
    assert json.loads((adapter / "harness.json").read_text(encoding="utf-8"))["settings"]["lora"]["r"] == 4


def test_a_merged_checkpoint_says_what_base_and_adapter_say(base: Path, adapter: Path, tmp_path: Path) -> None:
    """The same logits, and a manifest that names both; the folder passes as any checkpoint."""
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    load: Any = AutoModelForCausalLM.from_pretrained
    folder = merge(adapter, tmp_path / "merged")

    apart = logits(PeftModel.from_pretrained(load(base), adapter))
    assert torch.allclose(logits(load(folder)), apart, atol=1e-4)
    assert not torch.allclose(logits(load(base)), apart, atol=1e-1)
    assert check_checkpoint(folder).path == folder
    manifest = json.loads((folder / "harness.json").read_text(encoding="utf-8"))
    assert manifest["recipe"]["name"] == "wizardcoder"
    assert manifest["merged"]["rank"] == 4 and manifest["merged"]["adapter"].startswith("sha256:")
    assert load_tokenizer(folder).pad_token == load_tokenizer(folder).eos_token
    with pytest.raises(StoreError, match="exists; choose another --out"):
        merge(adapter, folder)


def test_another_base_is_refused(base: Path, adapter: Path, tmp_path: Path) -> None:
    """Other weights than those the adapter was trained on, as a digest tells; shapes would fit."""
    other = write_llama(tmp_path / "other", trained_tokenizer(metaspace=True))
    with pytest.raises(ModelError, match=r"was trained on the weights sha256:.* name the right base with --base"):
        merge(adapter, tmp_path / "merged", base=str(other))
    moved = shutil.copytree(base, tmp_path / "moved")
    assert merge(adapter, tmp_path / "merged", base=str(moved)).is_dir()


def test_an_adapter_alone_is_no_checkpoint(adapter: Path) -> None:
    """What to do about it stands in the message."""
    with pytest.raises(
        ModelError, match=r"is an adapter; run its base with --lora NAME=.*, or `harness merge` it first"
    ):
        check_checkpoint(adapter)


def test_a_folder_without_an_adapter_is_refused(base: Path, tmp_path: Path) -> None:
    """Nothing is left behind."""
    with pytest.raises(ModelError, match=r"has no adapter_config\.json"):
        merge(base, tmp_path / "merged")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_a_merged_checkpoint_runs_under_vllm(adapter: Path, tmp_path: Path) -> None:
    """With the recipe of its manifest; greedy answers are those of transformers."""
    if importlib.util.find_spec("vllm") is None:
        pytest.skip("the package vllm is not installed")
    folder = merge(adapter, tmp_path / "merged")
    asked = [
        "run",
        folder,
        "-b",
        "humaneval",
        "--limit",
        "2",
        "--max-tokens",
        "8",
        "--sandbox",
        "process",
        "--no-verify",
    ]

    answers = []
    for backend in ("vllm", "transformers"):
        out = tmp_path / backend
        done = harness(*asked, "--backend", backend, "--dtype", "float32", "--out", out)
        assert done.returncode == 0, done.stderr
        assert read_manifest(out)["identity"]["recipe"]["humaneval"]["name"] == "wizardcoder-humaneval"
        answers.append({row["task_id"]: row["raw"] for row in read_rows(out / "samples.jsonl")})

    assert answers[0] == answers[1] and len(answers[0]) == 2
