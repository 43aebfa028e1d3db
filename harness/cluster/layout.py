"""Assign seats on nodes to replicas of the model and to sandboxes: pure functions of nodes and resources."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from ..errors import ClusterUnavailable


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A machine of the cluster, as Ray knows it."""

    id: str
    name: str
    """Its address, or what its owner called it; made unique."""
    address: str
    cpus: int
    gpus: int
    memory_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestedResources:
    """Resources that a run asks of a cluster."""

    replicas: int | None = None
    """None: as many as fit, and more when nodes join."""
    gpus: int | None = None
    """GPUs of one replica. None: `parallel` if the cluster has GPUs, else 0."""
    parallel: int = 1
    """Processors that share one replica: tensor times pipeline parallel size."""
    workers: int | None = None
    """Programs run side by side on each node. None: one per CPU of the node."""
    place: str = "the cluster"
    """What it is asked of, for messages."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seat:
    """A place for one actor."""

    node: Node | None
    """None: GPUs of several nodes."""
    number: int = 0
    """Number among the seats of its kind on the node."""
    of: int = 1
    cpus: int = 0
    """CPUs to reserve."""
    gpus: int = 0
    workers: int = 1
    """Workers of a sandbox."""

    @property
    def name(self) -> str:
        """Return the seat's name for people."""
        where = self.node.name if self.node else "several nodes"
        return f"{where} #{self.number + 1}" if self.of > 1 or self.node is None else where

    @property
    def key(self) -> tuple[str, int]:
        """Return a key that tells the seat from the others."""
        return (self.node.id if self.node else ""), self.number


def count_replica_gpus(nodes: Sequence[Node], wanted: RequestedResources) -> int:
    """Return the number of GPUs of each replica.

    Raises:
        ClusterUnavailable: the cluster has fewer.
    """
    available = sum(node.gpus for node in nodes)
    needed = wanted.gpus if wanted.gpus is not None else (wanted.parallel if available else 0)
    if needed > available:
        what = "no GPU" if not available else f"{available} GPU{'s' * (available > 1)}"
        raise ClusterUnavailable(
            f"a replica needs {needed} GPU{'s' * (needed > 1)} and {wanted.place} has {what} ({_format_nodes(nodes)}). "
            "Add GPUs, ask for fewer (--replica-gpus, --tensor-parallel-size), or leave --replica-gpus out"
        )
    return needed


def assign_replica_seats(nodes: Sequence[Node], wanted: RequestedResources) -> list[Seat]:
    """Assign replicas to nodes: by GPUs if each has some, else one per node, or several if more are wanted.

    Raises:
        ClusterUnavailable: they do not fit.
    """
    gpus = count_replica_gpus(nodes, wanted)
    if not gpus:
        return _assign_by_node(nodes, wanted.replicas)
    counts = {node.id: node.gpus // gpus for node in nodes}
    most = sum(counts.values())
    if not most:
        most = sum(node.gpus for node in nodes) // gpus
        _check_room(wanted, most, gpus, nodes)
        return [Seat(node=None, number=number, gpus=gpus, cpus=1) for number in range(wanted.replicas or most)]
    _check_room(wanted, most, gpus, nodes)
    seats = [
        Seat(node=node, number=number, of=counts[node.id], gpus=gpus, cpus=1)
        for node in nodes
        for number in range(counts[node.id])
    ]
    # The first of each node before the second of any.
    return sorted(seats, key=lambda seat: seat.number)[: wanted.replicas]


def assign_scorer_seats(nodes: Sequence[Node], wanted: RequestedResources, replicas: Sequence[Seat]) -> list[Seat]:
    """Assign a sandbox to each node that has CPUs and no GPU; if there are none, to those with GPUs.

    Raises:
        ClusterUnavailable: no node has a CPU.
    """
    usable = [node for node in nodes if node.cpus]
    if not usable:
        raise ClusterUnavailable(f"no node of the cluster has a CPU to score on ({_format_nodes(nodes)})")
    chosen = [node for node in usable if not node.gpus] or usable
    held = {node.id: sum(seat.cpus for seat in replicas if seat.node == node) for node in chosen}
    return [
        Seat(
            node=node,
            cpus=min(wanted.workers or node.cpus, max(node.cpus - held[node.id], 0)),
            workers=wanted.workers or node.cpus,
        )
        for node in chosen
    ]


def _assign_by_node(nodes: Sequence[Node], replicas: int | None) -> list[Seat]:
    usable = [node for node in nodes if node.cpus]
    if not usable:
        raise ClusterUnavailable(f"no node of the cluster has a CPU for a replica ({_format_nodes(nodes)})")
    count = replicas or len(usable)
    seats = []
    for place, node in enumerate(usable):
        of = count // len(usable) + (place < count % len(usable))
        seats += [Seat(node=node, number=number, of=of, cpus=1 if of <= node.cpus else 0) for number in range(of)]
    return seats


def _check_room(wanted: RequestedResources, most: int, gpus: int, nodes: Sequence[Node]) -> None:
    if wanted.replicas is not None and wanted.replicas > most:
        raise ClusterUnavailable(
            f"--replicas {wanted.replicas} of {gpus} GPU{'s' * (gpus > 1)} each do not fit: {wanted.place} has room "
            f"for {most} ({_format_nodes(nodes)})"
        )


def _format_nodes(nodes: Sequence[Node]) -> str:
    shown = (f"{node.name}: {node.cpus} CPUs, {node.gpus} GPUs" for node in nodes[:5])
    more = len(nodes) - 5
    return "; ".join(shown) + (f"; {more} more" if more > 0 else "")


def floor_amount(amount: float) -> int:
    """Return the whole units of a resource: Ray has fractions of them."""
    return math.floor(amount)
