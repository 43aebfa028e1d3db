"""Whatever dies on a cluster in the middle of a run, no sample is lost and none counted twice.

Each test disturbs a run on real Ray nodes and compares what it came to with a run on one machine without Ray.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.conftest import Undisturbed, last_session, replay
from tests.cluster.nodes import LocalCluster, Node
from tests.commands import harness, start, wait_for_rows
from tests.engines import PrivateEngine, private_engine

pytestmark = [pytest.mark.cluster, pytest.mark.slow]


def scoring(undisturbed: Undisturbed, out: Path, cluster: LocalCluster, sandbox: str = "process") -> list[str]:
    """The driver replays at once; programs take their time."""
    return replay(undisturbed.file, out, sandbox, "--cluster", cluster.address)


def generating(
    undisturbed: Undisturbed, out: Path, cluster: LocalCluster, replicas: int, delay_s: float = 0.1
) -> list[str]:
    """Replicas replay, and take their time as well."""
    own = ["--cluster", cluster.address, "--replicas", str(replicas), "--batch-size", "4"]
    return replay(undisturbed.file, out, "process", *own, delay_s=delay_s)


def ended(process: subprocess.Popen[str]) -> str:
    """What it wrote to standard error; it must have come to a good end."""
    _, errors = process.communicate(timeout=200)
    assert process.returncode == 0, errors
    return errors


def actor(node: Node, kind: str) -> int:
    """The process of a node's actor."""
    (pid,) = [pid for pid, command in node.processes().items() if command.startswith(f"ray::{kind}")]
    return pid


def test_a_killed_scoring_process_costs_no_sample(
    tmp_path: Path, cluster: LocalCluster, undisturbed: Undisturbed
) -> None:
    """kill -9: its programs run elsewhere, it is started anew, and the run says so."""
    out = tmp_path / "run"
    running = start(*scoring(undisturbed, out, cluster))
    wait_for_rows(out / "verdicts.jsonl", 10, running)
    os.kill(actor(cluster.nodes["second"], "Scorer"), signal.SIGKILL)

    errors = ended(running)

    undisturbed.check(out)
    assert "sandbox on node second lost (its process ended): " in errors
    assert "sandbox on node second joined" in errors
    happened = [(one["what"], one["node"]) for one in last_session(out)["cluster"]["happenings"]]
    assert happened == [("lost", "second"), ("joined", "second")]


def test_a_killed_replica_costs_no_sample(tmp_path: Path, cluster: LocalCluster, undisturbed: Undisturbed) -> None:
    """kill -9 while it has requests inside: the other is asked for them."""
    out = tmp_path / "run"
    running = start(*generating(undisturbed, out, cluster, 2))
    wait_for_rows(out / "samples.jsonl", 10, running)
    os.kill(actor(cluster.nodes["second"], "Replica"), signal.SIGKILL)

    errors = ended(running)

    undisturbed.check(out)
    assert "replica on node second lost (its process ended): " in errors
    assert "requests asked again" in errors


def test_a_node_may_join_and_be_lost_while_a_run_goes_on(
    tmp_path: Path, cluster: LocalCluster, undisturbed: Undisturbed
) -> None:
    """It takes part as soon as it is there; when it loses its power the others do its work."""
    out = tmp_path / "run"
    running = start(*generating(undisturbed, out, cluster, 3, delay_s=0.8))
    third = cluster.add("third", environment={"DOCKER_HOST": "unix:///nonexistent"}, wait=False)
    try:
        deadline = time.monotonic() + 60
        while not any(command.startswith("ray::Replica") for command in third.processes().values()):
            assert running.poll() is None, running.communicate()
            assert time.monotonic() < deadline
            time.sleep(0.1)
        time.sleep(1.5)
        assert running.poll() is None, "the run ended before the node was lost"
    finally:
        third.kill()

    errors = ended(running)

    undisturbed.check(out)
    assert "on node third joined" in errors
    assert "on node third lost" in errors


def test_a_killed_driver_goes_on_where_it_was(tmp_path: Path, cluster: LocalCluster, undisturbed: Undisturbed) -> None:
    """The same command on the cluster, killed again, and the rest without Ray: one run."""
    out = tmp_path / "run"
    for count in (15, 30):
        running = start(*scoring(undisturbed, out, cluster))
        wait_for_rows(out / "verdicts.jsonl", count, running)
        running.kill()
        running.communicate()

    done = harness(*replay(undisturbed.file, out, "process"))

    assert done.returncode == 0, done.stderr
    undisturbed.check(out)
    assert "cluster" not in last_session(out)


@pytest.fixture
def engine(core_image: str) -> Iterator[PrivateEngine]:
    """An engine that may be stopped, with the core image in it."""
    from harness.sandboxes.images import tag_of

    with private_engine(tag_of("core")) as made:
        yield made


@pytest.mark.docker
def test_a_node_whose_docker_dies_is_done_without(
    tmp_path: Path, undisturbed: Undisturbed, engine: PrivateEngine
) -> None:
    """Its engine stops for good: what it had under way runs on the other node."""
    out = tmp_path / "run"
    with LocalCluster() as own:
        own.add("dying", environment={"DOCKER_HOST": engine.address})
        running = start(*scoring(undisturbed, out, own, "docker"))
        wait_for_rows(out / "verdicts.jsonl", 4, running)
        engine.docker("rm", "-f", *engine.docker("ps", "-q").stdout.split(), check=False)
        engine.stop()
        errors = ended(running)

    undisturbed.check(out)
    assert "sandbox on node dying lost (" in errors
