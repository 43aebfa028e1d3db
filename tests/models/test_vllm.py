"""The vLLM backend on a real engine: one is loaded per checkpoint, and all tests look at what it did."""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent.parent
PROGRAM = [sys.executable, "-m", "tests.models.vllm_session"]


@pytest.fixture(scope="session", params=["tiny_llama", pytest.param("smollm2", marks=pytest.mark.slow)])
def seen(request: pytest.FixtureRequest) -> dict[str, Any]:
    """What tests/models/vllm_session.py reports of a checkpoint."""
    needs_vllm()
    folder = request.getfixturevalue(request.param)
    done = subprocess.run(
        [*PROGRAM, str(folder), "report"], capture_output=True, text=True, timeout=600, check=False, cwd=ROOT
    )
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    bare = next(line for line in reversed(lines) if line.startswith('{"bare"'))
    return {"folder": folder, "first_line": lines[0], **json.loads(lines[0]), **json.loads(bare)}


def needs_vllm() -> None:
    if importlib.util.find_spec("vllm") is None:
        pytest.skip("the package vllm is not installed")


def test_greedy_is_what_vllm_itself_answers(seen: dict[str, Any]) -> None:
    """The stream gives, for each prompt, the text and the number of tokens of `LLM.generate`."""
    ours = [{"text": row["text"], "tokens": row["tokens"]} for row in seen["greedy"]]

    assert len(ours) == 10
    assert ours == seen["bare"]


def test_answers_come_while_others_are_still_made(seen: dict[str, Any]) -> None:
    """When the first came, the last requests had not even been read."""
    assert 0 < seen["read_at_first"] < len(seen["greedy"])


def test_samples_differ_and_can_be_repeated(seen: dict[str, Any]) -> None:
    """Each has a seed of its own, which decides it."""
    assert len({row["text"] for row in seen["samples"]}) == 3
    assert seen["again"] == seen["samples"]


def test_a_sample_does_not_depend_on_how_many_are_asked_for(seen: dict[str, Any]) -> None:
    """Sample 2 asked for alone is sample 2 of three."""
    assert seen["third"] == seen["samples"][2:]


def test_a_stop_string_ends_the_answer_before_it(seen: dict[str, Any]) -> None:
    """The text up to it."""
    whole = seen["greedy"][0]["text"]
    (row,) = seen["stopped"]

    assert row["text"] == whole[: whole.index(seen["stop"])]
    assert row["finish_reason"] == "stop"


def test_an_answer_can_be_read_as_it_is_generated(seen: dict[str, Any]) -> None:
    """The pieces are the whole answer's, and a stop string never shows."""
    assert "".join(seen["pieces"]) == seen["greedy"][0]["text"]
    assert len(seen["pieces"]) > 2
    assert "".join(seen["halves"]) == seen["stopped"][0]["text"]


def test_a_budget_closes_the_reasoning(seen: dict[str, Any]) -> None:
    """The engine goes on behind the mark; drawn again, a sample is the same."""
    first, second, *again = seen["thought"]
    assert again == [first, second]
    for sample in (first, second):
        reasoning, mark, _ = sample["text"].partition("\n</think>\n\n")
        assert reasoning and mark
        assert sample["counts"][0] == 6 < sample["counts"][1]


@pytest.mark.parametrize("filter_name", ["top_k", "min_p"])
def test_a_filter_that_leaves_one_token_makes_sampling_greedy(filter_name: str, seen: dict[str, Any]) -> None:
    """At temperature 1, where the samples otherwise differ."""
    assert [row["text"] for row in seen[filter_name]] == [seen["greedy"][0]["text"]]


def test_the_context_ends_an_answer(seen: dict[str, Any]) -> None:
    """A long prompt leaves less than `max_tokens`; one that fills the context gets an empty answer."""
    full, long = seen["crowded"]

    assert (full["text"], full["tokens"], full["finish_reason"]) == ("", 0, "length")
    assert 0 < long["tokens"] <= seen["room"] < 64
    assert long["finish_reason"] == "length" or long["tokens"] < seen["room"]


def test_a_stream_that_is_left_early_leaves_nothing_behind(seen: dict[str, Any]) -> None:
    """The next one has its own answers alone."""
    assert seen["after"] == seen["greedy"]


def test_the_engines_processes_end_with_it(seen: dict[str, Any]) -> None:
    """There were some while it ran, and none after."""
    assert seen["processes"] >= 2
    assert seen["left"] == []


def test_the_engines_files_go_with_it(seen: dict[str, Any]) -> None:
    """Its log and its processes' sockets, which vLLM leaves."""
    assert seen["files"] >= 2
    assert seen["files_left"] == []


def test_the_description_tells_what_runs(seen: dict[str, Any]) -> None:
    """The engine's own dtype and context, not what was asked for."""
    facts = seen["facts"]

    assert (facts["adapter"], facts["path"]) == ("vllm", str(seen["folder"]))
    assert (facts["dtype"], facts["max_model_len"], facts["backend_reason"]) == ("float32", 512, "asked for")


def test_a_checkpoint_it_cannot_load_is_one_line(seen: dict[str, Any]) -> None:
    """With the cause, and no process left."""
    refused = seen["refused"]

    assert "cannot be loaded by vLLM: " in refused["message"]
    assert "no_such_thing" in refused["message"]
    assert "\n" not in refused["message"]
    assert (refused["exit_code"], refused["processes"]) == (2, 0)


def test_nothing_of_the_engine_reaches_the_terminal(seen: dict[str, Any]) -> None:
    """The first line of the program's output is its report: thousands of the engine's went to the log."""
    assert seen["first_line"].startswith('{"refused"')


@pytest.mark.slow
def test_the_engines_processes_end_with_a_killed_parent(tiny_llama: Path) -> None:
    """Also where the parent had no chance to close it: nothing goes on computing or holds its memory."""
    needs_vllm()
    with subprocess.Popen(
        [*PROGRAM, str(tiny_llama), "endless"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=ROOT
    ) as program:
        assert program.stdout is not None
        pids = json.loads(program.stdout.readline())
        assert len([pid for pid in pids if alive(pid)]) >= 2

        program.send_signal(signal.SIGKILL)

        deadline = time.monotonic() + 20
        while time.monotonic() < deadline and any(alive(pid) for pid in pids):
            time.sleep(0.1)
        assert [pid for pid in pids if alive(pid)] == []


def alive(pid: int) -> bool:
    """Exists and is no zombie, which holds nothing any more."""
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False
