"""Open a run of an experiment tracker; nothing is uploaded unless the tracker's own variables ask for it.

No tracker gets the command, the environment, the output, the source code or the name of the machine.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

from ..errors import UsageError, install_hint, suggest

PROJECT = "evol-harness"
"""Project of W&B and experiment of MLflow."""
DATABASE = "mlflow.db"


class Tracker(Protocol):
    """A run of a tracker, used by one thread. Its methods raise what the library raises."""

    def log(self, metrics: Mapping[str, float], step: int) -> None:
        """Add a point to each of the curves `metrics`."""

    def close(self, *, complete: bool) -> None:
        """Write everything and end the run, as failed if it is not `complete`."""


class WandbTracker:
    """Writes a run of Weights & Biases into `where`/wandb, offline unless WANDB_MODE says otherwise."""

    def __init__(self, where: Path, name: str, params: Mapping[str, str]) -> None:
        import wandb

        self._run = wandb.init(
            project=os.environ.get("WANDB_PROJECT", PROJECT),
            mode=os.environ.get("WANDB_MODE", "offline"),  # type: ignore[arg-type]
            dir=where,
            name=name,
            config=dict(params),
            reinit="create_new",
            settings=wandb.Settings(
                host="",
                console="off",
                silent=True,
                disable_code=True,
                disable_git=True,
                disable_job_creation=True,
                x_disable_machine_info=True,
                x_disable_meta=True,
                x_disable_stats=True,
                x_save_requirements=False,
            ),
        )

    def log(self, metrics: Mapping[str, float], step: int) -> None:
        """Implement `Tracker.log`."""
        self._run.log(dict(metrics), step=step)

    def close(self, *, complete: bool) -> None:
        """Implement `Tracker.close`."""
        self._run.finish(exit_code=0 if complete else 1)


class MlflowTracker:
    """Adds a run to the SQLite database `where`, or to the server of MLFLOW_TRACKING_URI if `where` is None."""

    def __init__(self, where: Path | None, name: str, params: Mapping[str, str]) -> None:
        # read when the package is imported
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
        os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")
        from mlflow import MlflowClient
        from mlflow.entities import Param

        uri = os.environ["MLFLOW_TRACKING_URI"] if where is None else f"sqlite:///{where.absolute()}"
        self._client = MlflowClient(tracking_uri=uri)
        known = self._client.get_experiment_by_name(PROJECT)
        experiment = known.experiment_id if known else self._client.create_experiment(PROJECT)
        self._id = self._client.create_run(experiment, run_name=name).info.run_id
        self._client.log_batch(self._id, params=[Param(key, value) for key, value in params.items()])

    def log(self, metrics: Mapping[str, float], step: int) -> None:
        """Implement `Tracker.log`."""
        from mlflow.entities import Metric

        now_ms = time.time_ns() // 1_000_000
        self._client.log_batch(self._id, [Metric(key, value, now_ms, step) for key, value in metrics.items()])

    def close(self, *, complete: bool) -> None:
        """Implement `Tracker.close`."""
        self._client.set_terminated(self._id, "FINISHED" if complete else "FAILED")


class TensorboardTracker:
    """Writes an event file into the folder `where`; the parameters are those of TensorBoard's HPARAMS page."""

    def __init__(self, where: Path, name: str, params: Mapping[str, str]) -> None:
        from tensorboard.compat.proto.summary_pb2 import Summary
        from tensorboard.plugins.hparams import metadata
        from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData
        from tensorboard.summary.writer.event_file_writer import EventFileWriter

        del name  # TensorBoard shows the folder's
        self._writer = EventFileWriter(str(where))
        start = HParamsPluginData()
        for key, value in params.items():
            start.session_start_info.hparams[key].string_value = value
        about = metadata.create_summary_metadata(start)
        self._add(Summary(value=[Summary.Value(tag=metadata.SESSION_START_INFO_TAG, metadata=about)]), 0)

    def log(self, metrics: Mapping[str, float], step: int) -> None:
        """Implement `Tracker.log`."""
        from tensorboard.compat.proto.summary_pb2 import Summary

        self._add(Summary(value=[Summary.Value(tag=key, simple_value=value) for key, value in metrics.items()]), step)

    def close(self, *, complete: bool) -> None:
        """Implement `Tracker.close`."""
        del complete
        self._writer.close()

    def _add(self, summary: Any, step: int) -> None:
        from tensorboard.compat.proto.event_pb2 import Event

        self._writer.add_event(Event(wall_time=time.time(), step=step, summary=summary))


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackerKind:
    """How a tracker is opened, and where a run that goes on in a folder is logged."""

    packages: Sequence[str]
    open: Callable[[Any, str, Mapping[str, str]], Tracker]
    place: Callable[[Path], Path | None]
    """From the run folder to what `open` takes first."""


def _place_database(run: Path) -> Path | None:
    return None if os.environ.get("MLFLOW_TRACKING_URI") else run.parent / DATABASE


TRACKERS: Mapping[str, TrackerKind] = {
    "wandb": TrackerKind(packages=["wandb"], open=WandbTracker, place=lambda run: run),
    "mlflow": TrackerKind(packages=["mlflow", "sqlalchemy", "alembic"], open=MlflowTracker, place=_place_database),
    "tensorboard": TrackerKind(
        packages=["tensorboard"], open=TensorboardTracker, place=lambda run: run / "tensorboard"
    ),
}


def check_trackers(names: Sequence[str]) -> None:
    """Check that trackers are known and installed; nothing is imported.

    Raises:
        UsageError: one is not.
    """
    for name in names:
        if name not in TRACKERS:
            raise UsageError(f'tracker "{name}" is not known.{suggest(name, TRACKERS)}')
        for package in TRACKERS[name].packages:
            if find_spec(package) is None:
                raise UsageError(f"logging to {name} needs the package {package}: {install_hint(name)}")
