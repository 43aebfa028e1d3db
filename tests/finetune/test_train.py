"""A real training by TRL on a tiny random checkpoint."""

from __future__ import annotations

import json
from pathlib import Path

from harness.finetune.train import finetune
from harness.models.checkpoint import weights_digest
from tests.finetune.world import small, write_data


def test_a_training_ends_in_a_checkpoint_with_its_manifest(base: Path, tmp_path: Path) -> None:
    """Weights of the base's shape, other than the base's, and harness.json says what they come from."""
    config = small(base, write_data(tmp_path / "data.jsonl"), tmp_path / "out", held_out=0.25, epochs=2)

    trained = finetune(config, tell=lambda _: None)

    manifest = json.loads((tmp_path / "out" / "harness.json").read_text(encoding="utf-8"))
    assert manifest == trained.manifest
    assert manifest["finished"] and manifest["recipe"]["name"] == "wizardcoder"
    assert manifest["base"]["weights_digest"] == weights_digest(base) != weights_digest(trained.folder)
    assert (manifest["data"]["rows"], manifest["data"]["held_out_rows"], manifest["data"]["trained_rows"]) == (9, 3, 18)
    assert [step for step, _ in trained.losses["train"]] == [1, 2, 3, 4, 5]
    assert trained.losses["held_out"][0][0] == 0
    assert trained.losses["held_out"][-1][1] < trained.losses["held_out"][0][1]
    assert finetune(config).skipped
