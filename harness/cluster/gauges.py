"""Figures for Ray's dashboard: how far each stage is, and what each node has done.

They are exported as Prometheus metrics by every node (Ray puts `ray_` before their names), which the dashboard's
Metrics page and Grafana show.
"""

from __future__ import annotations

import time
from typing import Any

from ..progress import Progress
from .connection import is_client

EVERY_S = 2.0


def make_counter(name: str, description: str, node: str) -> Any:
    """Return a counter of one node for the dashboard, which Ray lets nobody increase by 0."""
    from ray.util.metrics import Counter

    counter = Counter(name, description=description, tag_keys=("harness_node",))
    counter.set_default_tags({"harness_node": node})
    return counter


class Board:
    """Shows how far the stages of a run are."""

    def __init__(self) -> None:
        from ray.util.metrics import Gauge

        self._done = Gauge("harness_stage_done", description="Steps done of a stage.", tag_keys=("stage",))
        self._total = Gauge("harness_stage_total", description="Steps that a stage has.", tag_keys=("stage",))

    def show(self, stages: dict[str, tuple[int, int | None]]) -> None:
        """Set the gauges of each stage: steps done, and the total if it is known."""
        for stage, (done, total) in stages.items():
            self._done.set(done, tags={"stage": stage})
            if total is not None:
                self._total.set(total, tags={"stage": stage})


class WatchedProgress:
    """A progress that also updates Ray's dashboard: now and then, and when a stage ends."""

    def __init__(self, ray: Any, inner: Progress) -> None:
        self._inner = inner
        self._ray = ray
        # Ray's client is no process of the cluster: one there stands in for it.
        self._actor = ray.remote(Board).options(num_cpus=0, max_restarts=0).remote() if is_client() else None
        self._report = Board().show if self._actor is None else self._actor.show.remote
        self._stages: dict[str, tuple[int, int | None]] = {}
        self._shown = 0.0

    def __enter__(self) -> WatchedProgress:
        self._inner.__enter__()
        return self

    def __exit__(self, *exc: object) -> None:
        self._inner.__exit__(*exc)

    def note(self, text: str) -> None:
        """Implement `Progress.note`."""
        self._inner.note(text)

    def start(self, stage: str, total: int | None = None) -> None:
        """Implement `Progress.start`."""
        self._stages[stage] = 0, total
        self._inner.start(stage, total)
        self._show()

    def advance(self, stage: str, tokens: int = 0) -> None:
        """Implement `Progress.advance`."""
        done, total = self._stages.get(stage, (0, None))
        self._stages[stage] = done + 1, total
        self._inner.advance(stage, tokens)
        if time.monotonic() - self._shown > EVERY_S:
            self._show()

    def finish(self, stage: str) -> None:
        """Implement `Progress.finish`."""
        self._inner.finish(stage)
        self._show()

    def close(self) -> None:
        """End the actor, if there is one."""
        if self._actor is not None:
            self._ray.kill(self._actor)

    def _show(self) -> None:
        self._shown = time.monotonic()
        self._report(dict(self._stages))
