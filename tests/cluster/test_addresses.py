"""Nodes with addresses of their own, in network namespaces: as near to several machines as one comes."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.cluster.conftest import Undisturbed, last_session, replay
from tests.cluster.nodes import LocalCluster
from tests.commands import COMMAND

pytestmark = [pytest.mark.cluster, pytest.mark.slow]
NETWORK = "10.213.77"


def ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True, text=True)


def forwarding(change: str, bridge: str) -> None:
    """Add (-I) or delete (-D) what lets the nodes talk: a Docker Engine has the kernel drop what a bridge passes on."""
    if shutil.which("iptables"):
        subprocess.run(["iptables", change, "FORWARD", "-i", bridge, "-o", bridge, "-j", "ACCEPT"], check=True)


@pytest.fixture
def machines() -> Iterator[list[str]]:
    """Three network namespaces on one bridge, with addresses .11, .12 and .13; this machine has .1."""
    if os.geteuid() != 0 or shutil.which("ip") is None:
        pytest.skip("network namespaces want root and the command ip")
    mark = f"h{os.getpid() % 10000}"
    names = [f"{mark}n{number}" for number in range(3)]
    with ExitStack() as undo:
        try:
            ip("link", "add", f"{mark}br", "type", "bridge")
        except subprocess.CalledProcessError as error:
            pytest.skip(f"no network namespaces here: {error.stderr}")
        undo.callback(ip, "link", "del", f"{mark}br")
        ip("addr", "add", f"{NETWORK}.1/24", "dev", f"{mark}br")
        ip("link", "set", f"{mark}br", "up")
        forwarding("-I", f"{mark}br")
        undo.callback(forwarding, "-D", f"{mark}br")
        for number, name in enumerate(names):
            ip("netns", "add", name)
            undo.callback(ip, "netns", "del", name)
            ip("link", "add", f"{mark}v{number}", "type", "veth", "peer", "name", "eth0", "netns", name)
            ip("link", "set", f"{mark}v{number}", "master", f"{mark}br", "up")
            ip("-n", name, "addr", "add", f"{NETWORK}.{11 + number}/24", "dev", "eth0")
            ip("-n", name, "link", "set", "eth0", "up")
            ip("-n", name, "link", "set", "lo", "up")
        yield names


def inside(name: str) -> list[str]:
    return ["ip", "netns", "exec", name]


def test_three_nodes_with_three_addresses(tmp_path: Path, machines: list[str], undisturbed: Undisturbed) -> None:
    """Asked from the first: each takes part, and the scores are those of one machine."""
    none = {"DOCKER_HOST": "unix:///nonexistent/docker.sock"}
    out = tmp_path / "run"
    with LocalCluster(prefix=inside(machines[0]), environment=none, address=f"{NETWORK}.11") as cluster:
        for number in (1, 2):
            cluster.add(
                f"node{number}",
                prefix=inside(machines[number]),
                environment=none,
                arguments=[f"--node-ip-address={NETWORK}.{11 + number}"],
            )
        asked = replay(undisturbed.file, out, "process", "--cluster", cluster.address, "--replicas", "3")
        done = subprocess.run(
            [*inside(machines[0]), *COMMAND, *asked], capture_output=True, text=True, timeout=120, check=False
        )

    assert done.returncode == 0, done.stderr
    undisturbed.check(out)
    nodes = last_session(out)["cluster"]["nodes"]
    assert sorted(node["address"] for node in nodes) == [f"{NETWORK}.{last}" for last in (11, 12, 13)]
