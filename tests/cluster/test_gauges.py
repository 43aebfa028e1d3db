"""What Ray's dashboard is told of a run: read where Prometheus would read it."""

from __future__ import annotations

import re
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.conftest import COUNT, Undisturbed, replay
from tests.cluster.nodes import LocalCluster
from tests.commands import start

pytestmark = [pytest.mark.cluster, pytest.mark.slow]
EXPORTED = re.compile(r"^(ray_harness_\w+)\{(.*)\} (\S+)$", re.MULTILINE)
LABEL = re.compile(r'(?:^|,)(?:stage|harness_node)="(\w+)"')


@pytest.fixture
def hurried() -> Iterator[LocalCluster]:
    """A head that exports figures twice a second, not every ten; its own, for what a run said stays for a while."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("RAY_metrics_report_interval_ms", "500")
        with LocalCluster(environment={"DOCKER_HOST": "unix:///nonexistent/docker.sock"}) as made:
            made.wait_for_clients()
            yield made


def exported(cluster: LocalCluster) -> dict[tuple[str, str], float]:
    """By name, and by stage or node; nothing while the node's agent does not answer yet."""
    try:
        with urllib.request.urlopen(cluster.metrics_address, timeout=5) as answer:
            text = answer.read().decode()
    except OSError:
        return {}
    found = EXPORTED.findall(text)
    return {(name, label[1]): float(value) for name, labels, value in found if (label := LABEL.search(labels))}


@pytest.mark.parametrize("by_client", [False, True])
def test_progress_is_exported_while_a_run_goes_on(
    tmp_path: Path, hurried: LocalCluster, undisturbed: Undisturbed, by_client: bool
) -> None:
    """The stages of the driver and the programs of the node, whether the driver is a process of the cluster or not."""
    address = hurried.client_address if by_client else hurried.address
    process = start(*replay(undisturbed.file, tmp_path / "run", "process", "--cluster", address))
    last: dict[tuple[str, str], float] = {}
    while process.poll() is None:
        last = exported(hurried) or last
        time.sleep(0.2)
    _, errors = process.communicate()

    assert process.returncode == 0, errors
    assert last["ray_harness_stage_total", "score"] == COUNT
    assert 0 < last["ray_harness_stage_done", "score"] <= COUNT
    assert 0 < last["ray_harness_trials_judged_total", "head"] <= COUNT
