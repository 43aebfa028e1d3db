"""A cluster as the backend of a run: joined, surveyed, and left as it was found."""

from __future__ import annotations

import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from ..errors import ClusterUnavailable, SandboxUnavailable
from ..models.loading import has_engine, open_model
from ..models.options import ModelOptions
from ..progress import Progress
from ..types import Model, Sandbox, Trust
from .actors import ModelSetup, SandboxSetup
from .causes import locate_error
from .connection import connect
from .gauges import WatchedProgress
from .layout import Node, RequestedResources, Seat, assign_replica_seats, assign_scorer_seats
from .model import ClusterModel
from .record import Record
from .sandbox import ClusterSandbox
from .survey import NodeFacts, check_sandboxes, check_versions, list_alive_nodes, survey_nodes


class ClusterBackend:
    """The cluster at `address`; `models` are those that replicas will be asked for.

    A replayed file or a server needs no replica: it is read or asked by the driver, unless replicas are wanted.

    Raises (entering):
        UsageError, ClusterUnavailable: there is none, its versions differ, or it is too small.
    """

    def __init__(
        self, address: str, wanted: RequestedResources, *, models: Sequence[str], tell: Callable[[str], None]
    ) -> None:
        self._address, self._wanted = address, wanted
        self._specs = [spec for spec in dict.fromkeys(models) if has_engine(spec) or wanted.replicas is not None]
        self._record = Record(tell)
        self._ray: Any = None
        self._nodes: list[NodeFacts] = []
        self._models: dict[ModelSetup, ClusterModel] = {}
        self._sandboxes: list[ClusterSandbox] = []
        self._progress: WatchedProgress | None = None

    def __enter__(self) -> ClusterBackend:
        self._ray = connect(self._address, tell=self._record.tell)
        try:
            nodes = list_alive_nodes(self._ray)
            for number in range(len(self._specs)):
                self._assign_replica_seats(number, nodes)
            assign_scorer_seats(nodes, self._wanted, ())
            self._nodes = survey_nodes(self._ray)
            check_versions(self._nodes)
        except BaseException:
            self._ray.shutdown()
            raise
        return self

    def __exit__(self, *exc: object) -> None:
        for opened in self._models.values():
            opened.__exit__()
        if self._progress is not None:
            self._progress.close()
        self._ray.shutdown()

    def open_model(self, spec: str, *, backend: str, options: ModelOptions) -> Model:
        """Implement `Backend.open_model`; return the same model if the same is asked for again."""
        if spec not in self._specs:
            return open_model(spec, backend=backend, options=options)
        number = self._specs.index(spec)
        # An engine's log stays on its node, which the error that names it names too.
        setup = ModelSetup(spec=spec, backend=backend, options=replace(options, log_file=None))
        if setup not in self._models:
            self._models[setup] = ClusterModel(
                self._ray, setup, lambda nodes: self._assign_replica_seats(number, nodes), self._record
            )
        return self._models[setup]

    def select_sandbox(self, asked: str | None, *, environment: str) -> str:
        """Implement `Backend.select_sandbox`: Docker if all nodes that score have an engine."""
        seats = self._assign_scorer_seats([one.node for one in self._nodes])
        scoring = {seat.node.id for seat in seats if seat.node is not None}
        without = [one for one in self._nodes if one.node.id in scoring and one.engine is not None]
        if asked == "docker" and without:
            raise SandboxUnavailable(f"node {without[0].node.name}: {without[0].engine}")
        if asked is None and without and len(without) < len(scoring):
            names = ", ".join(one.node.name for one in without)
            self._record.tell(f"no Docker Engine answers on {names}: all nodes use the process sandbox")
        name = asked or ("process" if without else "docker")
        for node, error in check_sandboxes(
            self._ray, [seat.node for seat in seats if seat.node], name, environment
        ).items():
            if error is not None:
                raise locate_error(error, node.name)
        return name

    def open_sandbox(
        self, name: str, *, environment: str, workers: int | None, trust: Trust, allow_unsafe: bool
    ) -> Sandbox:
        """Implement `Backend.open_sandbox`; `workers` is for each node, and part of what the cluster was asked for."""
        del workers
        setup = SandboxSetup(name=name, environment=environment, trust=trust, allow_unsafe=allow_unsafe)
        # Sandboxes of several environments stand side by side, as on one machine: the first has the nodes' CPUs.
        first = not any(one.opened for one in self._sandboxes)
        made = ClusterSandbox(
            self._ray, setup, lambda nodes: self._assign_scorer_seats(nodes, reserving=first), self._record
        )
        self._sandboxes.append(made)
        return made

    def watch_progress(self, progress: Progress) -> Progress:
        """Implement `Backend.watch_progress`: on Ray's dashboard."""
        self._progress = WatchedProgress(self._ray, progress)
        return self._progress

    def describe(self) -> Mapping[str, Any]:
        """Implement `Backend.describe`."""
        return {
            "address": self._address,
            "ray": self._ray.__version__,
            "python": platform.python_version(),
            "nodes": [{**asdict(one.node), "cores": one.cores, "docker": one.engine is None} for one in self._nodes],
            "happenings": list(self._record.happenings),
        }

    def _assign_replica_seats(self, number: int, nodes: Sequence[Node]) -> list[Seat]:
        """Return the seats of the model with that number: models share what fits."""
        seats = assign_replica_seats(nodes, self._wanted)[number :: len(self._specs)]
        if not seats:
            raise ClusterUnavailable(
                f"{len(self._specs)} models need a replica each, and the cluster has room for {number}"
            )
        return seats

    def _assign_scorer_seats(self, nodes: Sequence[Node], *, reserving: bool = True) -> list[Seat]:
        replicas = assign_replica_seats(nodes, self._wanted) if self._specs else []
        seats = assign_scorer_seats(nodes, self._wanted, replicas)
        return seats if reserving else [replace(seat, cpus=0) for seat in seats]
