"""`harness finetune` and `harness merge` as users start them."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path
from subprocess import run
from typing import Any

import pytest

from harness.cli import main
from harness.finetune.presets import PRESETS, get_preset
from harness.models.checkpoint import digest_weights
from harness.models.trained import read_training
from tests.commands import harness, start
from tests.finetune.world import write_data

SETTINGS = ["--batch-size", "4", "--max-length", "256", "--dtype", "float32", "--lr", "1e-3"]


def test_wizardcoders_presets_are_the_published_figures() -> None:
    """Batch, learning rate, schedule, warm-up, length, type and epochs, as the README and the paper have them."""
    for name in ("wizardcoder-15b", "wizardcoder-34b"):
        found = get_preset(name)
        assert (found["batch_size"], found["learning_rate"], found["schedule"]) == (512, 2e-5, "cosine")
        assert (found["warmup_steps"], found["max_length"], found["dtype"]) == (30, 2048, "float16")
        assert found["epochs"] == 3
    assert {"small", "small-lora"} <= set(PRESETS)


def test_flags_win_over_the_file_and_the_file_over_the_preset(
    base: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """And what cannot be is one line and exit 2, and leaves the folder free for what can."""
    data = write_data(tmp_path / "rows.jsonl")
    (tmp_path / "c.toml").write_text(f'data = "{data}"\nmax_length = 128\n', encoding="utf-8")
    arguments = ["finetune", str(base), "--preset", "wizardcoder-15b", "--config", str(tmp_path / "c.toml")]
    fitting = ["--dtype", "float32", "--max-steps", "1", "--batch-size", "4", "--out", str(tmp_path / "b")]

    if not torch_sees_an_accelerator():
        assert in_process(*arguments, "--out", str(tmp_path / "b")) == 2
        *_, last = capfd.readouterr().err.splitlines()
        assert last.startswith("error: dtype float16 trains on accelerators only")
    assert in_process(*arguments, *fitting) == 0

    shown = capfd.readouterr()
    assert "step 1/1, loss" in shown.err and "tokens/s" in shown.err and "memory: about" in shown.err
    assert "recipe      wizardcoder" in shown.out
    settings = manifest(tmp_path / "b")["settings"]
    assert (settings["dtype"], settings["max_length"], settings["warmup_steps"]) == ("float32", 128, 30)


@pytest.mark.slow
def test_a_killed_training_ends_in_the_same_weights(base: Path, tmp_path: Path) -> None:
    """kill -9 after some states; the same command goes on, and no byte of the weights differs."""
    data = write_data(tmp_path / "data.jsonl", 32)
    arguments = ["finetune", base, "--data", data, *SETTINGS, "--epochs", "3", "--save-every", "3"]
    whole, out = tmp_path / "whole", tmp_path / "out"
    assert harness(*arguments, "--out", whole).returncode == 0

    killed = start(*arguments, "--out", out)
    wait_for(out / "checkpoints", "*/complete", 2, killed.pid)
    os.killpg(killed.pid, signal.SIGKILL)
    killed.communicate()
    assert not (out / "model.safetensors").exists()
    done = harness(*arguments, "--out", out)

    assert done.returncode == 0, done.stderr
    assert "going on from step" in done.stderr
    assert digest_weights(out) == digest_weights(whole)


@pytest.mark.slow
def test_two_processes_train_as_one_does(base: Path, tmp_path: Path) -> None:
    """The shipped FSDP configuration, on two processes without an accelerator: the same losses, a whole checkpoint."""
    from importlib.resources import files

    shipped = files("harness.finetune.accelerate").joinpath("fsdp.yaml").read_text(encoding="utf-8")
    settings = shipped.replace("use_cpu: false", "use_cpu: true").replace("num_processes: 8", "num_processes: 2")
    assert settings.count("use_cpu: true") == settings.count("num_processes: 2") == 1
    (tmp_path / "fsdp.yaml").write_text(settings, encoding="utf-8")
    arguments = ["finetune", str(base), "--data", str(write_data(tmp_path / "data.jsonl")), *SETTINGS]
    launch = [sys.executable, "-m", "accelerate.commands.launch", "--config_file", str(tmp_path / "fsdp.yaml")]
    # what one of Gloo's threads does now and then to an interpreter that winds down
    (tmp_path / "sitecustomize.py").write_text(
        "import atexit, os\nif 'RANK' in os.environ:\n    atexit.register(os.abort)\n", encoding="utf-8"
    )

    alone = harness(*arguments, "--out", tmp_path / "one")
    together = run(
        [*launch, "-m", "harness", *arguments, "--out", str(tmp_path / "two")],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(tmp_path)},
    )

    assert alone.returncode == 0 and together.returncode == 0, together.stderr[-2000:]
    assert f"checkpoint  {tmp_path / 'two'}" in together.stdout
    assert losses(tmp_path / "two") == pytest.approx(losses(tmp_path / "one"), abs=1e-3)
    assert (tmp_path / "two" / "model.safetensors").exists()
    assert not (tmp_path / "two" / "training_args.bin").exists()


def losses(folder: Path) -> list[float]:
    """Of the training, step by step."""
    return [loss for _, loss in manifest(folder)["losses"]["train"]]


def manifest(folder: Path) -> dict[str, Any]:
    """What harness.json says."""
    found = read_training(folder)
    assert found is not None
    return found


def torch_sees_an_accelerator() -> bool:
    import torch

    return torch.cuda.is_available()


def in_process(*arguments: str) -> int:
    """The exit code of a command, run here: what is imported already need not be imported again."""
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    return int(ended.value.code or 0)


def wait_for(folder: Path, pattern: str, count: int, pid: int) -> None:
    """Until so many files are there; fails where the process has ended or takes minutes."""
    for _ in range(1200):
        if len(list(folder.glob(pattern))) >= count:
            return
        os.kill(pid, 0)
        time.sleep(0.1)
    raise AssertionError(f"{folder} has no {count} files {pattern}")
