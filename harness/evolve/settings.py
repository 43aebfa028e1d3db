"""Settings of a run that do not change what is asked, and what comes of a run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import ModelError
from ..models.options import ModelOptions
from .client import RequestLimits
from .dataset_filter import DatasetFilter
from .stopping import EvolStop, Trial


class NothingSurvived(ModelError):
    """Too many rounds in a row of which every attempt was rejected."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Settings of a run that do not change what is asked."""

    out: Path
    seeds: Path | None = None
    """None: the bundled seeds."""
    backend: str = "auto"
    options: ModelOptions = field(default_factory=ModelOptions)
    cluster: str | None = None
    """A Ray cluster whose replicas are asked. None: this machine."""
    replicas: int | None = None
    replica_gpus: int | None = None
    limits: RequestLimits = field(default_factory=RequestLimits)
    dataset_filter: DatasetFilter = field(default_factory=DatasetFilter)
    sample: int | None = None
    """Number of rows to keep of the shuffled data; None: all."""
    patience: int = 3
    """Rounds in a row of which nothing survives that end the run."""
    stop: EvolStop | None = None
    """Train and evaluate after each round, and stop where it no longer helps; None: run all rounds."""
    command: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class EvolveResult:
    """Result of a run."""

    path: Path
    rows: int
    statistics: dict[str, Any]
    removed: dict[str, int]
    requests: int
    """In the ledger, those of earlier starts included."""
    asked: int
    """In this start."""
    tokens: int
    stopped: str = ""
    """Why the run ended early (a budget); "" if all rounds were run."""
    rounds: int = 0
    trials: tuple[Trial, ...] = ()
    """Evol Stop's, from the seeds on."""
    kept: int | None = None
    """The last round whose rows are kept; None: all."""
