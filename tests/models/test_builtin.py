"""The checkpoint that comes with a package."""

from __future__ import annotations

import json
import os
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import pytest

from harness.errors import INFRASTRUCTURE, ModelError
from harness.models.builtin import BUILTIN, build_checkpoint
from harness.models.checkpoint import digest_weights

NAME = "smollm2-135m-instruct"


@pytest.fixture(scope="module")
def fresh(smollm2: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The checkpoint made anew in an empty cache."""
    cache = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HARNESS_CACHE_DIR", str(cache))
        return build_checkpoint(NAME).path


def test_it_lies_in_the_cache_as_plain_safetensors(fresh: Path) -> None:
    """No GGUF, nothing pickled, nothing half-written beside it."""
    names = {file.name for file in fresh.iterdir()}

    assert {"config.json", "model.safetensors", "tokenizer.json", "generation_config.json"} <= names
    assert not [name for name in names if name.endswith((".gguf", ".bin", ".log"))]
    assert [folder.name for folder in fresh.parent.iterdir()] == [fresh.name]
    assert "quantization_config" not in json.loads((fresh / "config.json").read_text(encoding="utf-8"))


def test_it_is_the_same_each_time(fresh: Path, smollm2: Path) -> None:
    """Two caches hold the same weights and tokenizer, so their runs can be compared."""
    assert digest_weights(fresh) == digest_weights(smollm2)


def test_its_tokenizer_ends_a_text_where_the_model_does(fresh: Path) -> None:
    """Versions of transformers disagree about a GGUF file's tokens; a wrong end would be trained and never stop."""
    from transformers import AutoTokenizer

    tokenizer: Any = AutoTokenizer.from_pretrained(fresh)
    settings = json.loads((fresh / "config.json").read_text(encoding="utf-8"))

    for name in ("bos_token_id", "eos_token_id", "pad_token_id"):
        assert getattr(tokenizer, name) == settings[name]
    turns = [{"role": "user", "content": "x"}, {"role": "assistant", "content": "y"}]
    assert tokenizer.apply_chat_template(turns, tokenize=False).rstrip().endswith(f"y{tokenizer.eos_token}")


def test_its_weights_are_the_packages(fresh: Path) -> None:
    """A quantised tensor is what its blocks stand for, rounded to bfloat16."""
    import torch
    from gguf import GGUFReader, dequantize
    from safetensors.torch import load_file

    packaged = BUILTIN[NAME]
    reader = GGUFReader(str(distribution(packaged.distribution).locate_file(packaged.file)))
    stored = load_file(fresh / "model.safetensors")
    for theirs, ours in [
        ("token_embd.weight", "model.embed_tokens.weight"),
        ("blk.7.ffn_down.weight", "model.layers.7.mlp.down_proj.weight"),
    ]:
        (tensor,) = [tensor for tensor in reader.tensors if tensor.name == theirs]
        expected = torch.from_numpy(dequantize(tensor.data, tensor.tensor_type).copy()).to(torch.bfloat16)
        assert torch.equal(stored[ours], expected), ours


def test_it_is_made_once(fresh: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second time the folder is taken as it is."""
    monkeypatch.setenv("HARNESS_CACHE_DIR", str(fresh.parent.parent))
    before = (fresh / "model.safetensors").stat().st_mtime_ns

    assert build_checkpoint(NAME).path == fresh
    assert (fresh / "model.safetensors").stat().st_mtime_ns == before


def test_a_cache_that_cannot_be_written_is_one_line(smollm2: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It names the folder and the variable that moves it."""
    monkeypatch.setenv("HARNESS_CACHE_DIR", os.devnull)

    with pytest.raises(ModelError, match=r"cannot be written to /dev/null/.*HARNESS_CACHE_DIR") as caught:
        build_checkpoint(NAME)

    assert caught.value.exit_code == INFRASTRUCTURE
    assert "\n" not in str(caught.value)
