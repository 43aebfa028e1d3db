"""Check what a cluster can do: its versions, its nodes, their engines and sandboxes; and what to do about the rest."""

from __future__ import annotations

import platform
from collections.abc import Iterator

from ..checks.doctor import Check
from ..errors import HarnessError
from .connection import connect
from .survey import NodeFacts, check_sandboxes, check_versions, list_alive_nodes, survey_nodes


def check_cluster(address: str) -> Iterator[Check]:
    """Yield every check of the cluster at `address` as it is made."""
    try:
        ray = connect(address)
    except HarnessError as error:
        yield Check(name="cluster", ok=False, found="cannot be joined", advice=str(error))
        return
    try:
        nodes = list_alive_nodes(ray)
        versions = f"Ray {ray.__version__}, Python {platform.python_version()}"
        yield Check(name="cluster", ok=True, found=f"{address}: {len(nodes)} nodes, {versions}")
        try:
            surveyed = survey_nodes(ray)
        except HarnessError as error:
            yield Check(name="nodes", ok=False, found="cannot be asked", advice=str(error))
            return
        usable = []
        for one in surveyed:
            check = _check_node(one)
            usable += [one.node] if check.ok else []
            yield check
        for name in ("docker", "process"):
            for node, trouble in check_sandboxes(ray, usable, name, "core").items():
                label = f"sandbox {name} on {node.name}"
                yield Check(
                    name=label,
                    ok=trouble is None,
                    found="cannot be opened" if trouble else "can be opened",
                    advice=str(trouble or ""),
                )
    finally:
        ray.shutdown()


def _check_node(one: NodeFacts) -> Check:
    node = one.node
    memory = node.memory_bytes / (1 << 30)
    facts = f"{node.address}, {node.cpus} CPUs ({one.cores} cores), {node.gpus} GPUs, {memory:.0f} GiB"
    try:
        check_versions([one])
    except HarnessError as error:
        return Check(name=f"node {node.name}", ok=False, found=facts, advice=str(error))
    return Check(name=f"node {node.name}", ok=True, found=facts)
