"""Which node does what."""

from __future__ import annotations

import pytest

from harness.cluster.layout import Node, RequestedResources, assign_replica_seats, assign_scorer_seats
from harness.errors import ClusterUnavailable


def node(name: str, cpus: int = 8, gpus: int = 0) -> Node:
    return Node(id=name, name=name, address=name, cpus=cpus, gpus=gpus, memory_bytes=1 << 34)


CPUS = [node("a"), node("b", cpus=4)]
GPUS = [node("g", cpus=64, gpus=8), node("h", cpus=64, gpus=8)]


def test_replicas_take_the_gpus_and_programs_run_where_there_are_none() -> None:
    """Four GPUs each: two replicas on each GPU node, sandboxes on the CPU nodes with a worker per CPU."""
    replicas = assign_replica_seats([*CPUS, *GPUS], RequestedResources(parallel=4))
    scorers = assign_scorer_seats([*CPUS, *GPUS], RequestedResources(), replicas)

    assert [(seat.node.name, seat.gpus) for seat in replicas if seat.node] == [("g", 4), ("h", 4), ("g", 4), ("h", 4)]
    assert [(seat.node.name, seat.workers, seat.cpus) for seat in scorers if seat.node] == [("a", 8, 8), ("b", 4, 4)]


def test_without_cpu_nodes_programs_run_beside_the_replicas() -> None:
    """And leave them the CPU that each reserves."""
    replicas = assign_replica_seats(GPUS, RequestedResources(replicas=3))
    scorers = assign_scorer_seats(GPUS, RequestedResources(), replicas)

    assert [seat.node.name for seat in replicas if seat.node] == ["g", "h", "g"]
    assert [(seat.node.name, seat.cpus) for seat in scorers if seat.node] == [("g", 62), ("h", 63)]


def test_a_replica_larger_than_any_node_spans_nodes() -> None:
    """Sixteen GPUs of two nodes with eight."""
    (seat,) = assign_replica_seats(GPUS, RequestedResources(parallel=16))

    assert seat.node is None
    assert seat.gpus == 16


def test_on_cpus_each_node_has_a_replica_and_more_are_dealt_out() -> None:
    """Those that share a node know how many they are, for each takes its share of the cores."""
    assert [seat.name for seat in assign_replica_seats(CPUS, RequestedResources())] == ["a", "b"]
    assert [seat.name for seat in assign_replica_seats(CPUS, RequestedResources(replicas=3))] == ["a #1", "a #2", "b"]


@pytest.mark.parametrize(
    ("nodes", "wanted", "told"),
    [
        (CPUS, RequestedResources(gpus=1), "a replica needs 1 GPU and the cluster has no GPU (a: 8 CPUs, 0 GPUs; b: 4"),
        (GPUS, RequestedResources(parallel=32), "a replica needs 32 GPUs and the cluster has 16 GPUs"),
        (
            GPUS,
            RequestedResources(gpus=4, replicas=5),
            "--replicas 5 of 4 GPUs each do not fit: the cluster has room for 4",
        ),
        ([node("a", cpus=0)], RequestedResources(), "no node of the cluster has a CPU for a replica"),
    ],
)
def test_what_does_not_fit_is_said_with_what_there_is(nodes: list[Node], wanted: RequestedResources, told: str) -> None:
    """The figures of both."""
    with pytest.raises(ClusterUnavailable) as caught:
        assign_replica_seats(nodes, wanted)

    assert told in str(caught.value)


def test_a_cluster_without_cpus_cannot_score() -> None:
    """Said before anything is started."""
    with pytest.raises(ClusterUnavailable, match="no node of the cluster has a CPU to score on"):
        assign_scorer_seats([node("g", cpus=0, gpus=8)], RequestedResources(), [])
