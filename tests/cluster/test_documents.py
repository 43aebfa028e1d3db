"""The files for setting a cluster up are well-formed and say what they must."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cluster.nodes import free_ports
from tests.commands import harness

DOCS = Path(__file__).parent.parent.parent / "docs"
FOLDER = DOCS / "cluster"


@pytest.mark.parametrize("name", ["start-by-hand.sh", "slurm.sbatch"])
def test_scripts_parse(name: str) -> None:
    """By the shell that runs them."""
    done = subprocess.run(["bash", "-n", FOLDER / name], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr


def containers(groups: list[Any]) -> list[Any]:
    return [one for group in groups for one in group["template"]["spec"]["containers"]]


def test_the_kuberay_cluster_has_a_head_gpus_and_nodes_that_score() -> None:
    """Every volume that is mounted is declared, and no group shares figures with none."""
    made = yaml.safe_load((FOLDER / "kuberay.yaml").read_text(encoding="utf-8"))
    head, workers = made["spec"]["headGroupSpec"], made["spec"]["workerGroupSpecs"]

    assert (made["apiVersion"], made["kind"]) == ("ray.io/v1", "RayCluster")
    assert head["rayStartParams"]["num-cpus"] == "0"
    assert ["nvidia.com/gpu" in one["resources"]["limits"] for one in containers(workers)] == [True, False]
    for group in [head, *workers]:
        spec = group["template"]["spec"]
        declared = {volume["name"] for volume in spec.get("volumes", [])}
        mounted = {mount["name"] for one in spec["containers"] for mount in one.get("volumeMounts", [])}
        assert mounted <= declared


def test_ray_up_takes_its_file() -> None:
    """Ray's own schema and rules."""
    pytest.importorskip("ray", reason="the package ray is not installed")
    from ray.autoscaler._private.util import prepare_config, validate_config

    made = yaml.safe_load((FOLDER / "ray-up.yaml").read_text(encoding="utf-8"))

    validate_config(prepare_config(made))


def test_all_files_are_told_of() -> None:
    """In the page about clusters."""
    page = (DOCS / "cluster.md").read_text(encoding="utf-8")

    for file in FOLDER.iterdir():
        assert f"(cluster/{file.name})" in page


@pytest.mark.cluster
@pytest.mark.slow
def test_a_cluster_is_started_by_hand() -> None:
    """The script, twice on this machine: a cluster of two nodes."""
    folder = tempfile.mkdtemp(prefix="ray-")
    ports = free_ports(2)
    settings = {"RAY_TMPDIR": folder, "RAY_PORT": str(ports[0]), "RAY_CLIENT_PORT": str(ports[1])}
    environment = {**os.environ, **settings, "VENV_BIN": str(Path(sys.executable).parent)}
    started: list[subprocess.Popen[str]] = []

    def start(*arguments: str, until: str) -> str:
        process = subprocess.Popen(
            ["bash", FOLDER / "start-by-hand.sh", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=environment,
        )
        started.append(process)
        assert process.stdout is not None
        written = ""
        for line in process.stdout:
            written += line
            if until in line:
                return written
        raise AssertionError(written)

    try:
        first = start(until="Ray runtime started")
        address = first.splitlines()[0].split()[-1]
        start(address, until="Ray runtime started")
        done = harness("doctor", "--cluster", address)
    finally:
        for process in reversed(started):
            process.terminate()
            process.communicate(timeout=60)
        shutil.rmtree(folder, ignore_errors=True)

    assert f"{address}: 2 nodes" in done.stdout
