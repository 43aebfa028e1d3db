"""What does not fit is said in one line, before anything is started, and within seconds."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread

import pytest

from tests.cluster.nodes import LocalCluster, Node, free_ports
from tests.commands import harness, one_line_error, references
from tests.engines import PrivateEngine, private_engine

pytestmark = [pytest.mark.cluster, pytest.mark.slow]


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return references(tmp_path_factory.mktemp("references") / "r.jsonl")


def run(file: Path, out: Path, *more: str) -> subprocess.CompletedProcess[str]:
    done = harness("run", f"replay:{file}", "-b", "humaneval", "--limit", "5", "--out", out, *more)
    assert not out.exists() or done.returncode == 0, "a run that never began left a folder"
    return done


@pytest.mark.parametrize("address", ["{}", "ray://{}"])
def test_no_cluster_at_the_address(tmp_path: Path, file: Path, address: str) -> None:
    """Told at once; Ray itself would try for a minute."""
    named = address.format(f"127.0.0.1:{free_ports(1)[0]}")
    begun = time.monotonic()

    done = run(file, tmp_path / "run", "--cluster", named)

    assert done.returncode == 3
    assert f"no Ray cluster answers at {named}: Connection refused" in one_line_error(done)
    assert time.monotonic() - begun < 15


def test_auto_where_the_cluster_has_gone(tmp_path: Path, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The address that it leads to is named."""
    named = f"127.0.0.1:{free_ports(1)[0]}"
    monkeypatch.setenv("RAY_ADDRESS", named)

    done = run(file, tmp_path / "run", "--cluster", "auto")

    assert done.returncode == 3
    assert "(which auto leads to)" in one_line_error(done)


@pytest.mark.parametrize("address", ["here", "ray://", "http://x:1:2"])
def test_an_address_of_another_form(tmp_path: Path, file: Path, address: str) -> None:
    """The forms there are."""
    done = run(file, tmp_path / "run", "--cluster", address)

    assert done.returncode == 2
    assert "must be auto, ray://HOST:PORT or HOST:PORT" in one_line_error(done)


@contextmanager
def hasty_head(seconds: int) -> Iterator[LocalCluster]:
    """A head that gives what it starts for a client so long to come up, and clients that leave it soon."""
    own = {"RAY_CLIENT_SERVER_CHECK_CHANNEL_TIMEOUT_S": str(seconds)}
    with pytest.MonkeyPatch.context() as patched, LocalCluster(environment=own) as made:
        patched.setenv("RAY_CLIENT_RECONNECT_GRACE_PERIOD", "1")
        made.wait_for_clients()
        yield made


def end_first_server(head: Node) -> Thread:
    """End what the head starts for its next client, as soon as it is there."""

    def servers() -> set[int]:
        return {pid for pid, command in head.processes().items() if "--mode=specific-server" in command}

    before = servers()

    def work() -> None:
        while not (new := servers() - before):
            time.sleep(0.02)
        with suppress(ProcessLookupError):  # now and then it ends by itself
            os.kill(new.pop(), signal.SIGKILL)

    thread = Thread(target=work, daemon=True)
    thread.start()
    return thread


def test_a_head_that_fails_a_client_once(tmp_path: Path, file: Path) -> None:
    """It is asked once more."""
    with hasty_head(8) as made:
        ending = end_first_server(made.nodes["head"])

        done = run(file, tmp_path / "run", "--cluster", made.client_address, "--sandbox", "process")

    assert done.returncode == 0, done.stderr
    assert "GRPC_ENABLE_FORK_SUPPORT=false" in done.stderr
    assert not ending.is_alive()


def test_a_head_that_fails_every_client(tmp_path: Path, file: Path) -> None:
    """What went wrong there is said: mostly that it waited in vain, now and then what else befalls such a head."""
    with hasty_head(0) as made:
        done = run(file, tmp_path / "run", "--cluster", made.client_address, "--sandbox", "process")

    assert done.returncode == 3
    told = re.search(rf"the cluster at {made.client_address} cannot be joined: [\w.]+: \w", one_line_error(done))
    assert told is not None, done.stderr


def test_gpus_of_replicas_without_replicas(tmp_path: Path, file: Path) -> None:
    """A flag that would be left out silently."""
    done = run(file, tmp_path / "run", "--replica-gpus", "2")

    assert done.returncode == 2
    assert "--replica-gpus 2 is for replicas; add --replicas, or --cluster" in one_line_error(done)


VERSIONS = """
import json
from ray._common.usage.usage_constants import CLUSTER_METADATA_KEY as key
from ray._private.ray_constants import KV_NAMESPACE_CLUSTER as space
from ray._raylet import GcsClient
client = GcsClient(address={address!r})
kept = json.loads(client.internal_kv_get(key, namespace=space))
client.internal_kv_put(key, json.dumps({{**kept, {name!r}: {value!r}}}).encode(), overwrite=True, namespace=space)
print(kept[{name!r}])
"""
"""Lets a cluster say that it was started with another version."""


@pytest.mark.parametrize(("name", "told"), [("ray_version", "Ray 2.7.0"), ("python_version", "Python 3.9.0")])
def test_a_cluster_of_another_version(tmp_path: Path, file: Path, cluster: LocalCluster, name: str, told: str) -> None:
    """Both versions are named."""

    def say(value: str) -> str:
        program = VERSIONS.format(address=cluster.address, name=name, value=value)
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout.split()[-1]

    kept = say(told.split()[1])
    try:
        done = run(file, tmp_path / "run", "--cluster", cluster.address)
    finally:
        say(kept)

    assert done.returncode == 3
    assert f"the cluster at {cluster.address} runs" in one_line_error(done)
    assert told in one_line_error(done)
    assert "all nodes need the same of both" in one_line_error(done)


def test_no_gpu_for_a_request_of_one(tmp_path: Path, file: Path, cluster: LocalCluster) -> None:
    """What each node has is said."""
    done = run(file, tmp_path / "run", "--cluster", cluster.address, "--replicas", "1", "--replica-gpus", "1")

    assert done.returncode == 3
    assert "a replica needs 1 GPU and the cluster has no GPU (head: 1 CPUs, 0 GPUs; second" in one_line_error(done)


def test_docker_asked_for_where_a_node_has_none(tmp_path: Path, file: Path, cluster: LocalCluster) -> None:
    """The node and its engine's address."""
    done = run(file, tmp_path / "run", "--cluster", cluster.address, "--sandbox", "docker")

    assert done.returncode == 3
    assert 'node head: sandbox "docker": no engine answers at unix:///nonexistent' in one_line_error(done)


@pytest.fixture(scope="module")
def empty_engine() -> Iterator[PrivateEngine]:
    """An engine without any image."""
    with private_engine() as made:
        yield made


@pytest.mark.docker
def test_an_image_that_a_node_lacks(tmp_path: Path, file: Path, core_image: str, empty_engine: PrivateEngine) -> None:
    """The node, the image and what builds it."""
    with LocalCluster() as own:
        own.add("bare", environment={"DOCKER_HOST": empty_engine.address})
        done = run(file, tmp_path / "run", "--cluster", own.address)

    assert done.returncode == 3
    assert 'node bare: sandbox "docker": the image of environment "core" (' in one_line_error(done)
    assert "harness sandbox build core" in one_line_error(done)


def test_doctor_says_what_a_cluster_has(cluster: LocalCluster) -> None:
    """Nodes, and the sandboxes that can be opened on them."""
    done = harness("doctor", "--cluster", cluster.address)

    assert done.returncode == 0, done.stderr
    assert f"{cluster.address}: 2 nodes, Ray " in done.stdout
    assert "ok  node second" in done.stdout
    assert "ok  sandbox process on second" in done.stdout
    assert "--  sandbox docker on second" in done.stdout


def test_doctor_says_that_there_is_no_cluster() -> None:
    """And goes on to its end."""
    done = harness("doctor", "--cluster", f"127.0.0.1:{free_ports(1)[0]}")

    assert done.returncode == 0, done.stderr
    assert "--  cluster" in done.stdout
    assert "no Ray cluster answers at" in done.stdout
