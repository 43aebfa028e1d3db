"""What makes a folder a checkpoint, and which weights it holds."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from harness.errors import ModelError
from harness.models.checkpoint import check_checkpoint, digest_weights, read_context_length
from tests.checkpoints import write_bare


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache folder of the test's own."""
    monkeypatch.setenv("HARNESS_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache"


def refused(folder: Path) -> str:
    """The one line that says why `folder` is not taken."""
    with pytest.raises(ModelError) as caught:
        check_checkpoint(folder)
    assert caught.value.exit_code == 2
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_whole_folder_is_taken(tmp_path: Path) -> None:
    """Its name is what the user wrote, its path is absolute."""
    folder = write_bare(tmp_path / "m")

    checkpoint = check_checkpoint(folder, name="./m")

    assert (checkpoint.name, checkpoint.path) == ("./m", folder.resolve())
    assert read_context_length(folder) == 64


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    """With what may be given instead."""
    assert f"checkpoint {tmp_path / 'none'} does not exist" in refused(tmp_path / "none")


def test_a_folder_without_configuration_is_refused(tmp_path: Path) -> None:
    """Weights alone do not say what they are."""
    folder = write_bare(tmp_path / "m")
    (folder / "config.json").unlink()

    assert "has no config.json" in refused(folder)


def test_a_folder_without_weights_is_refused(tmp_path: Path) -> None:
    """A configuration alone answers nothing."""
    folder = write_bare(tmp_path / "m")
    (folder / "model.safetensors").unlink()

    assert "no *.safetensors file is there" in refused(folder)


def test_pickled_weights_are_refused_unless_asked_for(tmp_path: Path) -> None:
    """Reading them can run code of whoever made them."""
    folder = write_bare(tmp_path / "m")
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")

    assert "pytorch_model.bin is pickled, convert it to safetensors, or trust it with --allow-pickle" in refused(folder)
    assert check_checkpoint(folder, pickled=True).path == folder.resolve()


@pytest.mark.parametrize("keep", [0, 7, 20, -1])
def test_cut_weights_are_refused(keep: int, tmp_path: Path) -> None:
    """Nothing left, within the length, within the header, within the data."""
    shard = write_bare(tmp_path / "m") / "model.safetensors"
    shard.write_bytes(shard.read_bytes()[:keep])

    assert str(shard) in refused(tmp_path / "m")


def test_a_shard_that_the_index_names_must_be_there(tmp_path: Path) -> None:
    """A broken download lacks some."""
    folder = write_bare(tmp_path / "m")
    index = {"weight_map": {"a": "model.safetensors", "b": "model-2.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index), encoding="utf-8")

    assert "lacks 1 of its weight files, the first is model-2.safetensors" in refused(folder)


@pytest.mark.parametrize("content", ["{", "[]", b"\xff"])
def test_a_damaged_configuration_is_one_line(content: str | bytes, tmp_path: Path) -> None:
    """The file is named."""
    file = write_bare(tmp_path) / "config.json"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())

    with pytest.raises(ModelError, match=r"checkpoint file .*config\.json") as caught:
        read_context_length(tmp_path)

    assert "\n" not in str(caught.value)


def test_the_digest_changes_with_one_byte_of_the_weights(tmp_path: Path) -> None:
    """Also where size and name stay."""
    before = digest_weights(write_bare(tmp_path / "m", bytes(16)))

    after = digest_weights(write_bare(tmp_path / "m", bytes(15) + b"\x01"))

    assert before.startswith("sha256:")
    assert after != before


def test_the_digest_changes_with_the_tokenizer(tmp_path: Path) -> None:
    """It decides the answers as well."""
    folder = write_bare(tmp_path / "m")
    before = digest_weights(folder)

    (folder / "tokenizer.json").write_text("{}", encoding="utf-8")

    assert digest_weights(folder) != before


def test_the_digest_does_not_depend_on_the_place(tmp_path: Path) -> None:
    """A copy of a checkpoint is the same checkpoint."""
    assert digest_weights(write_bare(tmp_path / "a")) == digest_weights(write_bare(tmp_path / "b"))


def test_a_remembered_digest_that_was_cut_is_worked_out_again(cache: Path, tmp_path: Path) -> None:
    """A full disk leaves such files."""
    folder = write_bare(tmp_path / "m")
    whole = digest_weights(folder)
    (remembered,) = (cache / "digests").iterdir()
    remembered.write_text(whole[:20], encoding="utf-8")

    assert digest_weights(folder) == whole


def test_the_digest_needs_no_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Where it cannot be remembered it is worked out each time."""
    folder = write_bare(tmp_path / "m")
    expected = digest_weights(folder)
    monkeypatch.setenv("HARNESS_CACHE_DIR", os.devnull)

    assert digest_weights(folder) == expected
