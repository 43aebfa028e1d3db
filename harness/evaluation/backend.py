"""Open a run's model and sandboxes on this machine or on the nodes of a cluster. The run is the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from ..errors import UsageError
from ..models.loading import open_model
from ..models.options import ModelOptions
from ..progress import Progress
from ..sandboxes import open_sandbox
from ..types import Model, Sandbox, Trust


class Backend(Protocol):
    """Opens models and sandboxes; a context manager that releases the machines."""

    def __enter__(self) -> Backend: ...

    def __exit__(self, *exc: object) -> None: ...

    def open_model(self, spec: str, *, backend: str, options: ModelOptions) -> Model:
        """Open a model, as `harness.models.loading.open_model` does."""

    def select_sandbox(self, asked: str | None, *, environment: str) -> str:
        """Return the name of the sandbox called `asked`, or of the best one that can be opened.

        Raises:
            HarnessError: it cannot.
        """

    def open_sandbox(
        self, name: str, *, environment: str, workers: int | None, trust: Trust, allow_unsafe: bool
    ) -> Sandbox:
        """Open a sandbox, as `harness.sandboxes.open_sandbox` does."""

    def watch_progress(self, progress: Progress) -> Progress:
        """Return `progress`, which may also report to a monitor of the machines."""

    def describe(self) -> Mapping[str, Any] | None:
        """Return JSON-ready facts for the manifest; None if the machine's own facts are enough."""


class LocalBackend:
    """Opens models and sandboxes on this machine."""

    def __enter__(self) -> LocalBackend:
        return self

    def __exit__(self, *exc: object) -> None:
        """Release nothing."""

    def open_model(self, spec: str, *, backend: str, options: ModelOptions) -> Model:
        """Implement `Backend.open_model`."""
        return open_model(spec, backend=backend, options=options)

    def select_sandbox(self, asked: str | None, *, environment: str) -> str:
        """Implement `Backend.select_sandbox`."""
        return open_sandbox(asked, environment=environment).name

    def open_sandbox(
        self, name: str, *, environment: str, workers: int | None, trust: Trust, allow_unsafe: bool
    ) -> Sandbox:
        """Implement `Backend.open_sandbox`."""
        return open_sandbox(name, environment=environment, workers=workers, trust=trust, allow_unsafe=allow_unsafe)

    def watch_progress(self, progress: Progress) -> Progress:
        """Implement `Backend.watch_progress`."""
        return progress

    def describe(self) -> None:
        """Implement `Backend.describe`."""


def open_backend(
    address: str | None,
    progress: Progress,
    *,
    models: Sequence[str] = (),
    replicas: int | None = None,
    replica_gpus: int | None = None,
    parallel: int = 1,
    workers: int | None = None,
) -> Backend:
    """Return this machine, or the cluster at `address` with replicas of `models` on `parallel` processors each.

    Several replicas without an address are those of a cluster of this process's own, on this machine.

    Raises:
        UsageError: a replica's GPUs are given, and neither replicas nor a cluster.
    """
    if address is None and replicas is None and replica_gpus is not None:
        raise UsageError(f"--replica-gpus {replica_gpus} is for replicas; add --replicas, or --cluster")
    if address is None and (replicas or 1) == 1 and replica_gpus is None:
        return LocalBackend()
    from ..cluster.backend import ClusterBackend
    from ..cluster.connection import OWN
    from ..cluster.layout import RequestedResources

    place = "the cluster" if address else OWN
    wanted = RequestedResources(replicas=replicas, gpus=replica_gpus, parallel=parallel, workers=workers, place=place)
    return ClusterBackend(address or OWN, wanted, models=models, tell=progress.note)
