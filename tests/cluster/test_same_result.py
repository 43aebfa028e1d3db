"""A run on a cluster comes to what it comes to on one machine."""

from __future__ import annotations

import json
import shutil
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from harness.benchmarks.humaneval import HumanEval
from tests.checkpoints import OPENING, write_thinking
from tests.cluster.conftest import Undisturbed, last_session, replay
from tests.cluster.nodes import LocalCluster
from tests.commands import harness, read_rows, write_rows

pytestmark = [pytest.mark.cluster, pytest.mark.slow]
SCORING = ("--sandbox", "process", "--no-cache", "--no-page")


def verdicts(out: Path) -> dict[tuple[str, int], Any]:
    """By task and index, without what differs from one time to the next."""
    kept = ("status", "detail", "trust", "base_status", "uncarried")
    rows = read_rows(out / "verdicts.jsonl")
    found = {(row["task_id"], row["index"]): {name: row.get(name) for name in kept} for row in rows}
    assert len(found) == len(rows)
    return found


def test_verdicts_of_164_problems_with_20_samples_are_those_of_one_machine(
    tmp_path: Path, cluster: LocalCluster
) -> None:
    """Right and wrong ones, programs that raise and that do not parse: each verdict with its detail."""
    bodies = ("    return 'wrong'\n", "    raise ValueError(7)\n", "    return (\n", "")
    rows = [
        {"task_id": problem.task_id, "completion": f"{bodies[number % 4] or problem.reference}# {number}\n"}
        for problem in HumanEval().problems()
        for number in range(20)
    ]
    file = write_rows(tmp_path / "s.jsonl", rows)
    command = ["run", f"replay:{file}", "-b", "humaneval", "--n", "20", *SCORING]

    plain = harness(*command, "--out", tmp_path / "plain")
    on_nodes = harness(*command, "--out", tmp_path / "nodes", "--cluster", cluster.address)

    assert plain.returncode == on_nodes.returncode == 0, plain.stderr + on_nodes.stderr
    assert len(verdicts(tmp_path / "plain")) == 3280
    assert verdicts(tmp_path / "nodes") == verdicts(tmp_path / "plain")


@pytest.mark.data
def test_calls_are_judged_alike(tmp_path: Path, cluster: LocalCluster) -> None:
    """Where the inputs of a problem are sent to a node once, by their key."""
    from harness.registry import lookup

    problems = lookup("benchmarks", "mbpp-plus")().problems()[:25]
    rows = [
        {"task_id": problem.task_id, "index": number, "solution": code}
        for problem in problems
        for number, code in enumerate((problem.reference, "x = 1\n"))
    ]
    file = write_rows(tmp_path / "s.jsonl", rows)
    command = ["run", f"replay:{file}", "-b", "mbpp-plus", "--limit", "25", "--n", "2", "--no-verify", *SCORING]

    plain = harness(*command, "--out", tmp_path / "plain")
    on_nodes = harness(*command, "--out", tmp_path / "nodes", "--cluster", cluster.client_address)

    assert plain.returncode == on_nodes.returncode == 0, plain.stderr + on_nodes.stderr
    assert verdicts(tmp_path / "nodes") == verdicts(tmp_path / "plain")
    assert last_session(tmp_path / "nodes")["cluster"]["address"].startswith("ray://")


def test_a_run_knows_no_place(tmp_path: Path, cluster: LocalCluster, undisturbed: Undisturbed) -> None:
    """It has the same digest on a cluster, and is complete there when it was complete without one."""
    out = tmp_path / "run"
    shutil.copytree(undisturbed.file.parent / "run", out)
    before = json.loads((out / "run.json").read_text())["digest"]

    done = harness(*replay(undisturbed.file, out, "process", "--cluster", cluster.address))

    assert done.returncode == 0, done.stderr
    assert json.loads((out / "run.json").read_text())["digest"] == before
    undisturbed.check(out)


def test_nothing_of_rays_reaches_the_terminal(tmp_path: Path, cluster: LocalCluster, undisturbed: Undisturbed) -> None:
    """Progress and the card, as on one machine."""
    done = harness(*replay(undisturbed.file, tmp_path / "run", "process", "--cluster", cluster.address, "--limit", "5"))

    assert done.returncode == 0, done.stderr
    for line in done.stderr.splitlines():
        assert line.startswith(("load:", "generate:", "score:", "no Docker Engine")), done.stderr
    assert "(raylet)" not in done.stdout
    assert "pid=" not in done.stdout


@pytest.mark.parametrize(
    ("backend", "sampling"), [("transformers", ["--n", "1"]), ("vllm", ["--n", "3", "--temperature", "0.8"])]
)
def test_replicas_answer_as_one_engine_does(
    tmp_path: Path, cluster: LocalCluster, tiny_llama: Path, backend: str, sampling: list[str]
) -> None:
    """Greedy, the same texts from two replicas as from one engine without Ray; sampled, each seed gives its text."""
    if find_spec(backend) is None:
        pytest.skip(f"the package {backend} is not installed")
    own = ["-b", "humaneval", "--limit", "12", "--recipe", "completion", "--max-tokens", "24", "--no-verify", *SCORING]
    command = ["run", str(tiny_llama), "--backend", backend, "--dtype", "float32", *own, *sampling]
    found = []
    for place, where in (("plain", []), ("nodes", ["--cluster", cluster.address, "--replicas", "2"])):
        done = harness(*command, *where, "--out", tmp_path / place)
        assert done.returncode == 0, done.stderr
        rows = read_rows(tmp_path / place / "samples.jsonl")
        found.append({(row["task_id"], row["index"]): (row["raw"], row["seed"]) for row in rows})

    assert len(found[0]) == 12 * int(sampling[1])
    assert found[1] == found[0]


def test_replicas_reason_as_one_engine_does(tmp_path: Path, cluster: LocalCluster, tiny_llama: Path) -> None:
    """The template is a replica's, and so is the tokenizer that counts."""
    model = write_thinking(tmp_path / "model", tiny_llama, OPENING)
    own = ["-b", "humaneval", "--limit", "3", "--recipe", "chat", "--thinking-budget", "5", "--no-verify", *SCORING]
    command = ["run", str(model), "--backend", "transformers", "--dtype", "float32", "--max-tokens", "12", *own]
    found = []
    for place, where in (("plain", []), ("nodes", ["--cluster", cluster.address, "--replicas", "1"])):
        done = harness(*command, *where, "--out", tmp_path / place)
        assert done.returncode == 0, done.stderr
        rows = read_rows(tmp_path / place / "samples.jsonl")
        found.append({row["task_id"]: (row["raw"], row["reasoning_tokens"]) for row in rows})

    assert found[1] == found[0]
    assert {tokens for _, tokens in found[0].values()} == {5}


def test_evolve_asks_the_replicas(tmp_path: Path, cluster: LocalCluster, tiny_llama: Path) -> None:
    """The same rows as without a cluster."""
    rows = [{"instruction": f"Write a function that adds {number}.", "input": "", "output": ""} for number in range(3)]
    seeds = write_rows(tmp_path / "seeds.jsonl", rows)
    command = ["evolve", str(seeds), "-m", str(tiny_llama), "--form", "plain", "--rounds", "1", "--max-tokens", "16"]
    command += ["--backend", "transformers", "--dtype", "float32", "--temperature", "0", "--no-decontaminate"]
    ledgers = []
    for place, where in (("plain", []), ("nodes", ["--cluster", cluster.address])):
        done = harness(*command, *where, "--out", tmp_path / place)
        told = done.stderr
        assert done.returncode in (0, 2), told
        kept = read_rows(tmp_path / place / "ledger.jsonl")
        ledgers.append(sorted(json.dumps(row, sort_keys=True) for row in kept))

    assert ledgers[0] == ledgers[1]
    assert len(ledgers[0]) >= 3
