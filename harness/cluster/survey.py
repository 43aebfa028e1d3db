"""Survey the nodes: read Ray's list, and run a short task on every node."""

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
from .causes import extract_error_line, find_cause
from .layout import Node, floor_amount

PATIENCE_S = 60.0
"""Timeout for the answer of a node: Ray starts a process first."""
GONE_S = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeFacts:
    """Facts that a node's own process reports."""

    node: Node
    harness: str | None
    """The installed version; None where there is none."""
    python: str
    cores: int
    engine: str | None
    """Why no Docker Engine answers there; None where one does."""


def list_alive_nodes(ray: Any) -> list[Node]:
    """Return the nodes that are alive, the head first."""
    rows = [row for row in ray.nodes() if row["Alive"]]
    rows.sort(key=lambda row: ("node:__internal_head__" not in row["Resources"], row["NodeName"], row["NodeID"]))
    counts = Counter(row["NodeName"] for row in rows)
    return [
        Node(
            id=row["NodeID"],
            name=row["NodeName"] if counts[row["NodeName"]] == 1 else f"{row['NodeName']} ({row['NodeID'][:6]})",
            address=row["NodeManagerAddress"],
            cpus=floor_amount(row["Resources"].get("CPU", 0)),
            gpus=floor_amount(row["Resources"].get("GPU", 0)),
            memory_bytes=floor_amount(row["Resources"].get("memory", 0)),
        )
        for row in rows
    ]


def make_node_strategy(node: Node) -> Any:
    """Return Ray's strategy that places a task or an actor on `node` and nowhere else."""
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    return NodeAffinitySchedulingStrategy(node_id=node.id, soft=False)


def survey_nodes(ray: Any) -> list[NodeFacts]:
    """Ask every node that is alive for its facts.

    Raises:
        ClusterUnavailable: one does not answer in time.
    """
    task = ray.remote(num_cpus=0, max_retries=0)(_make_probe())
    deadline = time.monotonic() + PATIENCE_S
    facts: dict[str, NodeFacts] = {}
    while missing := [node for node in list_alive_nodes(ray) if node.id not in facts]:
        refs = {node.id: task.options(scheduling_strategy=make_node_strategy(node)).remote() for node in missing}
        ray.wait(list(refs.values()), num_returns=len(refs), timeout=max(0.0, deadline - time.monotonic()))
        for node in missing:
            try:
                facts[node.id] = NodeFacts(node=node, **ray.get(refs[node.id], timeout=0))
            except ray.exceptions.RayTaskError as error:
                raise ClusterUnavailable(f"node {node.name} cannot be used: {extract_error_line(error)}") from error
            except ray.exceptions.RayError as error:
                # A node that has just gone is counted among the living for some seconds yet.
                if time.monotonic() > deadline:
                    raise ClusterUnavailable(
                        f"node {node.name} did not answer within {PATIENCE_S:.0f} s ({extract_error_line(error)})"
                    ) from error
                time.sleep(GONE_S)
    return [facts[node.id] for node in list_alive_nodes(ray) if node.id in facts]


def check_versions(found: Sequence[NodeFacts]) -> None:
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


def check_sandboxes(ray: Any, nodes: Sequence[Node], name: str, environment: str) -> dict[Node, HarnessError | None]:
    """Return, for each node, why the sandbox `name` cannot be opened there; None if it can."""
    task = ray.remote(num_cpus=0, max_retries=0)(_open_sandbox)
    refs = {
        node: task.options(scheduling_strategy=make_node_strategy(node)).remote(name, environment) for node in nodes
    }
    causes: dict[Node, HarnessError | None] = {}
    for node, ref in refs.items():
        try:
            ray.get(ref)
            causes[node] = None
        except ray.exceptions.RayError as error:
            cause = find_cause(ray, error)
            if cause is None:
                raise
            causes[node] = cause
    return causes


def _open_sandbox(name: str, environment: str) -> None:
    """Open a sandbox; this runs on a node."""
    open_sandbox(name, environment=environment, workers=1)


def _make_probe() -> Any:
    """Return a function that travels by value, so that a node without the harness can run it and say so."""

    def ask() -> Mapping[str, Any]:
        try:
            harness_version = importlib.metadata.version("evol-harness")
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
        return {"harness": harness_version, "python": platform.python_version(), "cores": cores, "engine": engine}

    return ask
