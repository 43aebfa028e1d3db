"""Survey of the nodes: read from Ray, and asked of a short task on every node."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .. import __version__
from ..errors import ClusterUnavailable, HarnessError
from ..sandboxes import open_sandbox
from .causes import cause_of, error_line
from .layout import Node, whole

PATIENCE_S = 60.0
"""For the answer of a node: Ray starts a process first."""
GONE_S = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Facts that a node's own process tells of it."""

    node: Node
    harness: str | None
    """The installed version; None where there is none."""
    python: str
    cores: int
    engine: str | None
    """Why no Docker Engine answers there; None where one does."""


def nodes_of(ray: Any) -> list[Node]:
    """The nodes that live, the head first."""
    rows = [row for row in ray.nodes() if row["Alive"]]
    rows.sort(key=lambda row: ("node:__internal_head__" not in row["Resources"], row["NodeName"], row["NodeID"]))
    counts = Counter(row["NodeName"] for row in rows)
    return [
        Node(
            id=row["NodeID"],
            name=row["NodeName"] if counts[row["NodeName"]] == 1 else f"{row['NodeName']} ({row['NodeID'][:6]})",
            address=row["NodeManagerAddress"],
            cpus=whole(row["Resources"].get("CPU", 0)),
            gpus=whole(row["Resources"].get("GPU", 0)),
            memory_bytes=whole(row["Resources"].get("memory", 0)),
        )
        for row in rows
    ]


def on_node(node: Node) -> Any:
    """Ray's strategy that places a task or an actor on `node` and nowhere else."""
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    return NodeAffinitySchedulingStrategy(node_id=node.id, soft=False)


def survey(ray: Any) -> list[Found]:
    """Ask every node that lives.

    Raises:
        ClusterUnavailable: one does not answer in time.
    """
    task = ray.remote(num_cpus=0, max_retries=0)(_asker())
    deadline = time.monotonic() + PATIENCE_S
    found: dict[str, Found] = {}
    while missing := [node for node in nodes_of(ray) if node.id not in found]:
        refs = {node.id: task.options(scheduling_strategy=on_node(node)).remote() for node in missing}
        ray.wait(list(refs.values()), num_returns=len(refs), timeout=max(0.0, deadline - time.monotonic()))
        for node in missing:
            try:
                found[node.id] = Found(node=node, **ray.get(refs[node.id], timeout=0))
            except ray.exceptions.RayTaskError as error:
                raise ClusterUnavailable(f"node {node.name} cannot be used: {error_line(error)}") from error
            except ray.exceptions.RayError as error:
                # A node that has just gone is counted among the living for some seconds yet.
                if time.monotonic() > deadline:
                    raise ClusterUnavailable(
                        f"node {node.name} did not answer within {PATIENCE_S:.0f} s ({error_line(error)})"
                    ) from error
                time.sleep(GONE_S)
    return [found[node.id] for node in nodes_of(ray) if node.id in found]


def check_versions(found: Sequence[Found]) -> None:
    """Refuse nodes with another harness: what is sent is read by the same code.

    Raises:
        ClusterUnavailable: naming the node.
    """
    for one in found:
        if one.harness != __version__:
            there = f"evol-harness {one.harness}" if one.harness else "no evol-harness"
            raise ClusterUnavailable(
                f"node {one.node.name} has {there} installed (in the Python that runs Ray there), and here is "
                f"{__version__}: install the same version on every node"
            )
        if one.python != platform.python_version():
            raise ClusterUnavailable(
                f"node {one.node.name} runs Python {one.python}, and here is {platform.python_version()}"
            )


def openable(ray: Any, nodes: Sequence[Node], name: str, environment: str) -> dict[Node, HarnessError | None]:
    """Why the sandbox called `name` cannot be opened on each node; None where it can."""
    task = ray.remote(num_cpus=0, max_retries=0)(_open)
    refs = {node: task.options(scheduling_strategy=on_node(node)).remote(name, environment) for node in nodes}
    found: dict[Node, HarnessError | None] = {}
    for node, ref in refs.items():
        try:
            ray.get(ref)
            found[node] = None
        except ray.exceptions.RayError as error:
            cause = cause_of(ray, error)
            if cause is None:
                raise
            found[node] = cause
    return found


def _open(name: str, environment: str) -> None:
    """On a node."""
    open_sandbox(name, environment=environment, workers=1)


def _asker() -> Any:
    """A function that travels by value, so that a node without the harness can run it and say so."""

    def ask() -> Mapping[str, Any]:
        try:
            found = importlib.metadata.version("evol-harness")
        except importlib.metadata.PackageNotFoundError:
            return {"harness": None, "python": platform.python_version(), "cores": 0, "engine": "not looked for"}
        from ..errors import SandboxUnavailable
        from ..sandboxes.engine import connect

        engine = None
        try:
            connect(timeout_s=3).close()
        except SandboxUnavailable as error:
            engine = str(error)
        cores = len(os.sched_getaffinity(0))
        return {"harness": found, "python": platform.python_version(), "cores": cores, "engine": engine}

    return ask
