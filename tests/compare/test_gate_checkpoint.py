"""The gate on a real checkpoint: itself passes, a copy with damaged weights does not."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from tests.commands import harness

pytestmark = pytest.mark.slow
PROBLEMS, TOKENS = 36, 96
NOISE = 0.5
"""Standard deviations of each matrix that are added to it."""


def damaged_copy(checkpoint: Path, folder: Path) -> Path:
    """`checkpoint` with noise on every matrix of its weights."""
    import torch
    from safetensors.torch import load_file, save_file

    shutil.copytree(checkpoint, folder)
    torch.manual_seed(0)
    for file in folder.glob("*.safetensors"):
        weights = {name: tensor.clone() for name, tensor in load_file(file).items()}
        for tensor in weights.values():
            if tensor.dim() == 2:
                tensor.add_(NOISE * tensor.float().std().to(tensor.dtype) * torch.randn_like(tensor))
        file.unlink()  # the original may be a hard link
        save_file(weights, file, metadata={"format": "pt"})
    return folder


def run(checkpoint: Path, out: Path) -> Path:
    """The first problems of HumanEval, greedily."""
    done = harness(
        *("run", checkpoint, "-b", "humaneval", "--recipe", "chat", "--sandbox", "process", "--no-verify", "--no-page"),
        *("--limit", str(PROBLEMS), "--max-tokens", str(TOKENS), "--out", out),
    )
    assert done.returncode == 0, done.stderr
    return out


def test_a_damaged_checkpoint_does_not_pass_the_gate(smollm2: Path, tmp_path: Path) -> None:
    """Exit 1 with the lost problems; the base passes against itself, by the strictest rule."""
    base = run(smollm2, tmp_path / "base")
    damaged = run(damaged_copy(smollm2, tmp_path / "damaged"), tmp_path / "damaged-run")

    assert harness("gate", base, base, "--level", "1").returncode == 0
    found = harness("gate", base, damaged, "--level", "1")

    assert found.returncode == 1, found.stdout
    assert re.search(r"lost: HumanEval/\d+", found.stdout)
    assert "0 gained" in found.stdout
