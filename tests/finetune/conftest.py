"""A checkpoint of two layers with a tokenizer of 800 pieces: trained at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.checkpoints import trained_tokenizer, write_llama


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Random weights, byte-level BPE, no pad token, a context of 512."""
    for package in ("torch", "transformers", "trl", "peft", "datasets"):
        pytest.importorskip(package, reason=f"the package {package} is not installed")
    return write_llama(tmp_path_factory.mktemp("base") / "tiny", trained_tokenizer(metaspace=False))
