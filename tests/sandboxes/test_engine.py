"""The engine is shared with other harnesses, whose containers come and go."""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest

from harness.sandboxes import open_sandbox
from harness.sandboxes.docker import usable_cpus
from harness.sandboxes.engine import OWNER_LABEL, connect, owner, reap_orphans, remove

from .work import outcomes, work


@pytest.mark.docker
def test_orphans_are_looked_for_while_another_harness_removes_its_containers(core_image: str) -> None:
    """They vanish between any two questions."""
    over = threading.Event()
    with closing(connect()) as client, closing(connect()) as others, ThreadPoolExecutor(1) as beside:

        def come_and_go() -> int:
            count = 0
            while not over.is_set():
                made = others.api.create_container(core_image, command=["true"], labels={OWNER_LABEL: owner()})
                remove(others, made["Id"])
                count += 1
            return count

        gone = beside.submit(come_and_go)
        try:
            for _ in range(300):
                reap_orphans(client)
        finally:
            over.set()
        assert gone.result() > 0


@pytest.mark.docker
def test_containers_are_pinned_to_the_cpus_of_the_process(core_image: str) -> None:
    """Two harnesses that `taskset` keeps apart do not meet in their containers."""
    assert core_image
    own = os.sched_getaffinity(0)
    source = "import os\nraise RuntimeError(sorted(os.sched_getaffinity(0)))\n"
    try:
        os.sched_setaffinity(0, {max(own)})
        with open_sandbox("docker", environment="core", workers=2) as sandbox:
            found = outcomes(sandbox, [work(source, key=number) for number in range(4)])
    finally:
        os.sched_setaffinity(0, own)

    assert all(f"[{max(own)}]" in outcome.detail for outcome in found.values()), found


def test_an_engine_with_fewer_cpus_is_elsewhere() -> None:
    """This process's own numbers mean nothing there."""
    own = sorted(os.sched_getaffinity(0))

    assert usable_cpus(own[-1] + 1) == own
    if own[-1] > 0:
        assert usable_cpus(own[-1]) == list(range(own[-1]))
