"""Which dtype a CPU is asked for: float32 where halves are emulated and there is room, the user's word otherwise."""

from __future__ import annotations

import json
import os
import platform
from dataclasses import replace
from pathlib import Path

import pytest

from harness.models.options import ModelOptions
from harness.models.precision import SHARE_OF_MEMORY, choose_cpu_dtype

torch = pytest.importorskip("torch", reason="the package torch is not installed")
MEMORY = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    """A folder whose weights take 1 MB."""
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "model.safetensors").write_bytes(bytes(1 << 20))
    return tmp_path


@pytest.fixture
def capability(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """A processor with AVX2 and no more."""
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "AVX2")
    return monkeypatch


@pytest.mark.usefixtures("capability")
def test_halves_that_would_be_emulated_are_float32(checkpoint: Path) -> None:
    assert choose_cpu_dtype(checkpoint, ModelOptions()) == "float32"


@pytest.mark.parametrize(("machine", "level"), [("x86_64", "AVX512"), ("AMD64", "AVX512"), ("aarch64", "DEFAULT")])
def test_other_processors_take_the_weights_own(
    machine: str, level: str, checkpoint: Path, capability: pytest.MonkeyPatch
) -> None:
    capability.setattr(platform, "machine", lambda: machine)
    capability.setattr(torch.backends.cpu, "get_cpu_capability", lambda: level)

    assert choose_cpu_dtype(checkpoint, ModelOptions()) == "auto"


@pytest.mark.usefixtures("capability")
@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "float32"])
def test_the_users_word_holds(dtype: str, checkpoint: Path) -> None:
    assert choose_cpu_dtype(checkpoint, ModelOptions(dtype=dtype)) == dtype


@pytest.mark.usefixtures("capability")
def test_quantised_weights_stay_as_they_are(checkpoint: Path) -> None:
    """By the flag, or by the checkpoint's own configuration."""
    assert choose_cpu_dtype(checkpoint, replace(ModelOptions(), quantization="awq")) == "auto"
    (checkpoint / "config.json").write_text(json.dumps({"quantization_config": {"quant_method": "gptq"}}))
    assert choose_cpu_dtype(checkpoint, ModelOptions()) == "auto"


@pytest.mark.usefixtures("capability")
def test_weights_that_would_fill_the_memory_stay_as_they_are(checkpoint: Path) -> None:
    """Twice their bytes, in a file that takes no room on the disk."""
    with (checkpoint / "model-2.safetensors").open("wb") as file:
        file.truncate(int(SHARE_OF_MEMORY * MEMORY / 2))

    assert choose_cpu_dtype(checkpoint, ModelOptions()) == "auto"
