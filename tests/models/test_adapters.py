"""LoRA adapters and engine settings as a user names them, before any engine is started."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from harness.errors import HarnessError, ModelError, UsageError
from harness.models.adapters import check_fit, parse_adapters
from harness.models.engine_args import parse_engine_args
from harness.models.loading import open_model
from harness.models.options import ModelOptions
from tests.checkpoints import write_adapter

pytest.importorskip("torch", reason="the package torch is not installed")


def test_an_adapter_is_read_with_its_rank_and_digest(tiny_llama: Path, tmp_path: Path) -> None:
    """Two of other weights have other digests."""
    one, other = (write_adapter(tmp_path / name, tiny_llama, seed=seed) for seed, name in enumerate("ab"))
    first, second = parse_adapters([f"one={one}", f"other={other}"])

    assert (first.name, first.rank, first.path) == ("one", 4, one)
    assert first.digest != second.digest
    check_fit(first, tiny_llama)


@pytest.mark.parametrize(
    ("specs", "message"),
    [
        (["{folder}"], "must be NAME=FOLDER"),
        (["../x={folder}"], "must be NAME=FOLDER"),
        (["base={folder}"], 'adapter name "base" is taken'),
        (["a={folder}", "a={folder}"], 'adapter name "a" is taken'),
        (["a={folder}/none"], "has no adapter_config.json"),
    ],
)
def test_a_name_that_does_not_fit_is_refused(specs: list[str], message: str, tiny_llama: Path, tmp_path: Path) -> None:
    """It becomes a folder's name, so it is letters and digits."""
    folder = write_adapter(tmp_path / "adapter", tiny_llama)
    with pytest.raises(HarnessError, match=message):
        parse_adapters([spec.format(folder=folder) for spec in specs])


def test_damaged_or_other_files_are_no_adapter(tiny_llama: Path, tmp_path: Path) -> None:
    """Cut weights, and another method than LoRA."""
    folder = write_adapter(tmp_path / "adapter", tiny_llama)
    weights = folder / "adapter_model.safetensors"
    whole = weights.read_bytes()
    weights.write_bytes(whole[:-10])
    with pytest.raises(ModelError, match="cut or damaged"):
        parse_adapters([f"a={folder}"])
    weights.write_bytes(whole)
    (folder / "adapter_config.json").write_text(json.dumps({"peft_type": "IA3"}), encoding="utf-8")
    with pytest.raises(ModelError, match="'IA3'; only LORA can be loaded"):
        parse_adapters([f"a={folder}"])


def test_an_adapter_of_another_base_is_refused(tiny_llama: Path, smollm2: Path, tmp_path: Path) -> None:
    """vLLM would load it without a word."""
    (loaded,) = parse_adapters([f"a={write_adapter(tmp_path / 'adapter', tiny_llama)}"])
    with pytest.raises(ModelError, match=r"is for another base: .* is 128 x 128 in it, and 576 x 576 in"):
        check_fit(loaded, smollm2)


@pytest.mark.parametrize(
    ("asked", "flag"),
    [
        ({"quantization": "awq"}, "--quantization"),
        ({"engine_args": ("seed=1",)}, "--engine-arg"),
        ({"pipeline_parallel_size": 2}, "--pipeline-parallel-size"),
    ],
)
def test_what_only_vllm_can_do_is_not_left_out_silently(asked: dict[str, Any], flag: str, tiny_llama: Path) -> None:
    """transformers would give other results than those asked for."""
    pytest.importorskip("transformers", reason="the package transformers is not installed")
    with pytest.raises(UsageError, match=f"{flag} needs the backend vllm"):
        open_model(str(tiny_llama), backend="transformers", options=ModelOptions(**asked))


def test_engine_settings_are_typed_by_json() -> None:
    """Numbers, booleans and objects are such; anything else is the text it is. Dashes do for underscores."""
    known = ("max_num_seqs", "enforce_eager", "speculative_config", "kv_cache_dtype")
    given = ["max-num-seqs=3", "enforce_eager=true", 'speculative_config={"method": "ngram"}', "kv_cache_dtype=fp8"]

    assert parse_engine_args(given, known) == {
        "max_num_seqs": 3,
        "enforce_eager": True,
        "speculative_config": {"method": "ngram"},
        "kv_cache_dtype": "fp8",
    }


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("max_num_seqs", "must be KEY=VALUE"),
        ("max_num_sqes=3", 'Did you mean "max_num_seqs"?'),
        ("model=x", "the checkpoint is the command's first argument"),
    ],
)
def test_an_engine_setting_that_does_not_fit_is_refused(spec: str, message: str) -> None:
    """A slip of the pen must not be a run with other settings than those meant."""
    with pytest.raises(UsageError) as caught:
        parse_engine_args([spec], ["max_num_seqs", "model"])
    assert message in str(caught.value)
