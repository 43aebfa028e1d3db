"""The engine is shared with other harnesses, whose containers come and go."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest

from harness.sandboxes.engine import OWNER_LABEL, connect, owner, reap_orphans, remove


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
