"""The builtin checkpoints: one comes with a package, one is fetched."""

from __future__ import annotations

import importlib.util
import json
import os
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import pytest

from harness.data import DataFile
from harness.errors import INFRASTRUCTURE, ModelError
from harness.models.builtin import BUILTIN, build_checkpoint
from harness.models.checkpoint import digest_weights
from tests.checkpoints import QWEN
from tests.commands import harness
from tests.file_server import Site, serving

NAME = "smollm2-135m-instruct"


@pytest.fixture(scope="module", params=[NAME, pytest.param(QWEN, marks=pytest.mark.slow)])
def name(request: pytest.FixtureRequest) -> str:
    """Each builtin."""
    return str(request.param)


@pytest.fixture(scope="module")
def gguf(name: str, request: pytest.FixtureRequest) -> Path:
    """The file it is made of."""
    packaged = BUILTIN[name].source
    if isinstance(packaged, DataFile):
        return Path(request.getfixturevalue("qwen_gguf"))
    request.getfixturevalue("smollm2")
    return Path(str(distribution(packaged.distribution).locate_file(packaged.file)))


@pytest.fixture(scope="module")
def fresh(name: str, gguf: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The checkpoint made anew in an empty cache; a file that would be downloaded comes from a mirror's folder."""
    cache = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("HARNESS_DATA_DIR", raising=False)
        patch.setenv("HARNESS_CACHE_DIR", str(cache))
        patch.setenv("HARNESS_DATA_MIRROR", str(gguf.parent))
        return build_checkpoint(name).path


def test_it_lies_in_the_cache_as_plain_safetensors(fresh: Path) -> None:
    """No GGUF, nothing pickled, nothing half-written beside it."""
    names = {file.name for file in fresh.iterdir()}

    assert {"config.json", "model.safetensors", "tokenizer.json", "generation_config.json"} <= names
    assert not [name for name in names if name.endswith((".gguf", ".bin", ".log"))]
    assert [folder.name for folder in fresh.parent.iterdir()] == [fresh.name]
    assert "quantization_config" not in json.loads((fresh / "config.json").read_text(encoding="utf-8"))


def test_it_is_the_same_each_time(fresh: Path, name: str) -> None:
    """Two caches hold the same weights and tokenizer, so their runs can be compared."""
    assert digest_weights(fresh) == digest_weights(build_checkpoint(name).path)


def test_its_tokenizer_ends_a_text_where_the_model_does(fresh: Path) -> None:
    """Versions of transformers disagree about a GGUF file's tokens; a wrong end would be trained and never stop."""
    from transformers import AutoTokenizer

    tokenizer: Any = AutoTokenizer.from_pretrained(fresh)
    settings = json.loads((fresh / "config.json").read_text(encoding="utf-8"))

    for token in ("bos_token_id", "eos_token_id", "pad_token_id"):
        assert getattr(tokenizer, token) in (settings[token], None)
    assert None not in (tokenizer.eos_token, tokenizer.pad_token)
    turns = [{"role": "user", "content": "x"}, {"role": "assistant", "content": "y"}]
    assert tokenizer.apply_chat_template(turns, tokenize=False).rstrip().endswith(f"y{tokenizer.eos_token}")


@pytest.mark.slow
def test_qwens_tokens_are_the_originals(qwen: Path) -> None:
    """Its tokenizer has no BOS, two tokens end an answer, and ChatML's marks are one token each."""
    from transformers import AutoTokenizer

    tokenizer: Any = AutoTokenizer.from_pretrained(qwen)
    generation = json.loads((qwen / "generation_config.json").read_text(encoding="utf-8"))
    chat = tokenizer.apply_chat_template([{"role": "user", "content": "x"}], tokenize=False, add_generation_prompt=True)

    assert (tokenizer.bos_token, tokenizer.eos_token, tokenizer.pad_token) == (None, "<|im_end|>", "<|endoftext|>")
    assert generation["eos_token_id"] == [151645, 151643]
    assert chat.endswith("<|im_start|>user\nx<|im_end|>\n<|im_start|>assistant\n")
    assert tokenizer("<|im_start|>user<|fim_prefix|><|im_end|>")["input_ids"] == [151644, 872, 151659, 151645]
    assert tokenizer("e\u0301")["input_ids"] == tokenizer("\u00e9")["input_ids"]
    assert json.loads((qwen / "config.json").read_text(encoding="utf-8"))["architectures"] == ["Qwen2ForCausalLM"]


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["transformers", "vllm"])
def test_qwen_writes_code(qwen: Path, backend: str) -> None:
    """By its default recipe, under both backends; weights that were read wrongly would give no sentence."""
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"the package {backend} is not installed")
    done = harness(
        *("ask", QWEN, "Write a Python function that returns the largest of three numbers."),
        *("--max-tokens", "120", "--backend", backend),
    )

    assert done.returncode == 0, done.stderr
    assert "```python\ndef " in done.stdout
    assert "max(" in done.stdout or ">" in done.stdout


def test_another_file_is_no_qwen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a mirror has is compared with the official digest before anything reads it; the error is one line."""
    monkeypatch.delenv("HARNESS_DATA_DIR", raising=False)
    monkeypatch.setenv("HARNESS_CACHE_DIR", str(tmp_path))
    packaged = BUILTIN[QWEN].source
    assert isinstance(packaged, DataFile)
    with serving(Site({packaged.name: b"GGUF, but another"})) as site:
        monkeypatch.setenv("HARNESS_DATA_MIRROR", site.url)
        with pytest.raises(ModelError) as caught:
            build_checkpoint(QWEN)

    assert site.requests == [(f"/{packaged.name}", None)]
    assert caught.value.exit_code == INFRASTRUCTURE
    assert packaged.sha256 in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "models").exists()


def test_its_weights_are_the_packages(fresh: Path, gguf: Path) -> None:
    """A quantised tensor is what its blocks stand for, rounded to bfloat16."""
    import torch
    from gguf import GGUFReader, dequantize
    from safetensors.torch import load_file

    reader = GGUFReader(str(gguf))
    stored = load_file(fresh / "model.safetensors")
    for theirs, ours in [
        ("token_embd.weight", "model.embed_tokens.weight"),
        ("blk.7.ffn_down.weight", "model.layers.7.mlp.down_proj.weight"),
    ]:
        (tensor,) = [tensor for tensor in reader.tensors if tensor.name == theirs]
        expected = torch.from_numpy(dequantize(tensor.data, tensor.tensor_type).copy()).to(torch.bfloat16)
        assert torch.equal(stored[ours], expected), ours


def test_it_is_made_once(fresh: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second time the folder is taken as it is."""
    monkeypatch.setenv("HARNESS_CACHE_DIR", str(fresh.parent.parent))
    before = (fresh / "model.safetensors").stat().st_mtime_ns

    assert build_checkpoint(name).path == fresh
    assert (fresh / "model.safetensors").stat().st_mtime_ns == before


def test_a_cache_that_cannot_be_written_is_one_line(smollm2: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It names the folder and the variable that moves it."""
    monkeypatch.setenv("HARNESS_CACHE_DIR", os.devnull)

    with pytest.raises(ModelError, match=r"cannot be written to /dev/null/.*HARNESS_CACHE_DIR") as caught:
        build_checkpoint(NAME)

    assert caught.value.exit_code == INFRASTRUCTURE
    assert "\n" not in str(caught.value)
