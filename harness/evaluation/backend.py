"""Where a run's model and sandboxes are: on this machine, or on the nodes of a cluster. The run is the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from ..errors import UsageError
from ..models.loading import open_model
from ..models.options import ModelOptions
from ..progress import Progress
from ..sandboxes import open_sandbox
from ..types import Model, Sandbox, Trust


class Place(Protocol):
    """Opens models and sandboxes; a context manager that lets go of the machines."""

    def __enter__(self) -> Place: ...

    def __exit__(self, *exc: object) -> None: ...

    def model(self, spec: str, *, backend: str, options: ModelOptions) -> Model:
        """Return a model, as `harness.models.loading.open_model` does."""

    def sandbox_name(self, asked: str | None, *, environment: str) -> str:
        """The sandbox called `asked`, or the best there is, where it can be opened.

        Raises:
            HarnessError: it cannot.
        """

    def sandbox(self, name: str, *, environment: str, workers: int | None, trust: Trust, allow_unsafe: bool) -> Sandbox:
        """Return a sandbox, as `harness.sandboxes.open_sandbox` does."""

    def watched(self, progress: Progress) -> Progress:
        """`progress`, told to whoever watches the machines as well."""

    def facts(self) -> Mapping[str, Any] | None:
        """JSON-ready, for the manifest; None where the machine's own facts say all."""


class Here:
    """This machine."""

    def __enter__(self) -> Here:
        return self

    def __exit__(self, *exc: object) -> None:
        """There is nothing to let go of."""

    def model(self, spec: str, *, backend: str, options: ModelOptions) -> Model:
        """Implement `Place.model`."""
        return open_model(spec, backend=backend, options=options)

    def sandbox_name(self, asked: str | None, *, environment: str) -> str:
        """Implement `Place.sandbox_name`."""
        return open_sandbox(asked, environment=environment).name

    def sandbox(self, name: str, *, environment: str, workers: int | None, trust: Trust, allow_unsafe: bool) -> Sandbox:
        """Implement `Place.sandbox`."""
        return open_sandbox(name, environment=environment, workers=workers, trust=trust, allow_unsafe=allow_unsafe)

    def watched(self, progress: Progress) -> Progress:
        """Implement `Place.watched`."""
        return progress

    def facts(self) -> None:
        """Implement `Place.facts`."""


def place(
    address: str | None,
    progress: Progress,
    *,
    models: Sequence[str] = (),
    replicas: int | None = None,
    replica_gpus: int | None = None,
    parallel: int = 1,
    workers: int | None = None,
) -> Place:
    """This machine, or the cluster at `address`, where `models` are to be loaded, `parallel` processors to a replica.

    Raises:
        UsageError: a setting of a cluster's is given and no cluster.
    """
    if address is None:
        if replicas is not None or replica_gpus is not None:
            raise UsageError("--replicas and --replica-gpus are for a cluster, and none is named; add --cluster")
        return Here()
    from ..cluster.layout import Wanted
    from ..cluster.place import Cluster

    wanted = Wanted(replicas=replicas, gpus=replica_gpus, parallel=parallel, workers=workers)
    return Cluster(address, wanted, models=models, tell=progress.note)
