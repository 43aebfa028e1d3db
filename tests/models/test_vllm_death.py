"""Processes of the engine's die in the middle of a run, as the kernel's memory killer would have it."""

from __future__ import annotations

import signal
import subprocess
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.commands import harness, one_line_error, read_rows, start
from tests.models.test_vllm import needs_vllm

LIMIT, N = 6, 16


@pytest.mark.slow
def test_a_run_whose_engine_dies_is_one_line_and_goes_on(tiny_llama: Path, tmp_path: Path) -> None:
    """Exit 3 whichever process it was; what was generated is kept, and the same command adds the rest."""
    needs_vllm()
    out = tmp_path / "run"
    arguments = ["run", tiny_llama, "-b", "humaneval", "-r", "completion", "--sandbox", "process", "--no-verify"]
    arguments += ["--limit", str(LIMIT), "--n", str(N), "--temperature", "1", "--max-tokens", "64", "--out", out]
    # Few at a time, so that the run lasts.
    arguments += ["--batch-size", "2", "--dtype", "float32"]
    there: list[dict[str, Any]] = []
    for victim, count in (("VLLM::EngineCore", 20), ("VLLM::Worker", 50)):
        ended = run_disturbed(arguments, out / "samples.jsonl", victim, count)

        assert "the vLLM engine broke down: " in one_line_error(ended)
        assert "the same command goes on" in one_line_error(ended)
        assert ended.returncode == 3
        rows = read_rows(out / "samples.jsonl")
        assert rows[: len(there)] == there
        assert count <= len(rows) < LIMIT * N
        there = rows

    done = harness(*arguments)

    assert done.returncode == 0, done.stderr
    rows = read_rows(out / "samples.jsonl")
    assert rows[: len(there)] == there
    expected = {(f"HumanEval/{number}", index) for number in range(LIMIT) for index in range(N)}
    assert Counter((row["task_id"], row["index"]) for row in rows) == dict.fromkeys(expected, 1)
    assert len(read_rows(out / "verdicts.jsonl")) == LIMIT * N


def run_disturbed(
    arguments: list[str | Path], samples: Path, victim: str, count: int
) -> subprocess.CompletedProcess[str]:
    """Run the command, and kill one of its engine's processes when `count` samples are there."""
    with start(*arguments) as running:
        try:
            deadline = time.monotonic() + 200
            while not samples.exists() or samples.read_bytes().count(b"\n") < count:
                assert running.poll() is None, running.communicate()
                assert time.monotonic() < deadline
                time.sleep(0.02)
            engine_process(running.pid, victim).send_signal(signal.SIGKILL)
            printed, complaint = running.communicate(timeout=120)
        finally:
            running.kill()  # where it hangs; nothing otherwise
    return subprocess.CompletedProcess(running.args, running.returncode, printed, complaint)


def engine_process(parent: int, name: str) -> psutil.Process:
    """The engine's process of that name below ours."""
    found = []
    for one in psutil.Process(parent).children(recursive=True):
        with suppress(psutil.NoSuchProcess):  # a sandbox's program, ended meanwhile
            if name in " ".join(one.cmdline()):
                found.append(one)
    assert len(found) == 1, found
    return found[0]
