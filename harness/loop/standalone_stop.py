"""Evol Stop for `harness evolve` alone; its trainings and runs are in the folder `stop` of the evolution."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..config import build_run_config, merge_settings
from ..config.tables import read_tables
from ..errors import UsageError
from ..evolve.stopping import EvolStop
from ..finetune.config import build_training_config
from ..progress import Progress, Quiet
from .config import apply_preset
from .develop import StopOptions, build_evol_stop
from .stages import Stages
from .workshop import Workshop

FOLDER = "stop"
TABLES = ("finetune", "run")


def build_standalone_stop(
    out: Path,
    on: str,
    *,
    base: str | None = None,
    file: Path | None = None,
    finetune: Mapping[str, Any] | None = None,
    run: Mapping[str, Any] | None = None,
    patience: int = 1,
    min_gain: float = 0.0,
    reported: tuple[str, ...] = (),
    command: Sequence[str] = (),
    open_progress: Callable[[], Progress] = Quiet,
) -> EvolStop:
    """Return Evol Stop on the development set `on`; `finetune` and `run` override the file's tables.

    Raises:
        UsageError: no base is named, or a setting does not fit.
        HarnessError: the base or a benchmark's data is missing.
    """
    if base is None:
        raise UsageError("--stop-on trains a checkpoint after each round; name its base with --stop-base")
    tables = read_tables(file) if file else None
    for key in tables.values if tables else ():
        if tables and key not in TABLES:
            raise UsageError(f"{tables.locate(key)}: [{key}] is not known; there are [finetune] and [run]")
    training = apply_preset({**(tables.get_table("finetune") if tables else {}), **(finetune or {})})
    running: dict[str, Any] = {**(tables.get_table("run") if tables else {}), **(run or {})}
    running = merge_settings({"recipe": training.get("recipe", "wizardcoder")}, running)
    if named := {"base", "data", "out"} & {*training} | {"model", "benchmarks"} & {*running}:
        raise UsageError(f"Evol Stop sets {', '.join(sorted(named))} itself; leave it out")
    build_training_config({**training, "base": base, "data": ".", "out": "."})
    build_run_config({"model": base, "benchmarks": ["development"], **running})
    stages = Stages(out / FOLDER, tell=open_progress().note)
    workshop = Workshop(stages, base, open_progress=open_progress, command=command)
    options = StopOptions(on=on, patience=patience, min_gain=min_gain, finetune=training, run=running)
    return build_evol_stop(options, workshop, reported)
