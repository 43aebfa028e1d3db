"""Measure the noise floor: how much a greedy run differs from itself if its problems come in another order.

A batch of another composition rounds sums differently, and programs near a time limit may or may not pass. A difference
between two checkpoints that is no larger than this says nothing. The noise is stored as noise.json in the run's folder.
Other hardware, another batch size or another engine version may have another floor.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..errors import StoreError, reason
from ..store import read_samples, read_verdicts, write_json
from ..types import Status

NOISE = "noise.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Noise:
    """Results of the repetitions of one benchmark."""

    benchmark: str
    runs: int
    problems: int
    passed: tuple[int, ...]
    """Samples that passed, run by run."""
    flipped: tuple[str, ...]
    """Task ids of the problems that passed in some runs and failed in others."""
    other_texts: tuple[str, ...]
    """Task ids of the problems whose raw answers were not the same text in all runs."""


def measure_noise(folders: Sequence[Path]) -> list[Noise]:
    """Measure the noise of each benchmark over runs of one configuration; ignore failures of the judge."""
    texts = [{key: sample.completion.text for key, sample in read_samples(folder).items()} for folder in folders]
    passed = [
        {
            key: verdict.status is Status.PASSED
            for key, verdict in read_verdicts(folder).items()
            if verdict.status is not Status.INFRASTRUCTURE
        }
        for folder in folders
    ]
    keys = [key for key in texts[0] if all(key in run for run in passed)]
    noises = []
    for benchmark in dict.fromkeys(name for name, _, _ in keys):
        own = [key for key in keys if key[0] == benchmark]
        noises.append(
            Noise(
                benchmark=benchmark,
                runs=len(folders),
                problems=len({task_id for _, task_id, _ in own}),
                passed=tuple(sum(run[key] for key in own) for run in passed),
                flipped=_find_differing(own, passed),
                other_texts=_find_differing(own, texts),
            )
        )
    return noises


def write_noise(folder: Path, folders: Sequence[Path]) -> None:
    """Measure the noise and store it in `folder`."""
    write_json(folder / NOISE, [asdict(noise) for noise in measure_noise(folders)])


def read_noise(folder: Path) -> list[Noise]:
    """Read the noise stored in a run's folder; empty if it was not measured.

    Raises:
        StoreError: the file is damaged.
    """
    file = folder / NOISE
    if not file.exists():
        return []
    try:
        rows: list[dict[str, Any]] = json.loads(file.read_text(encoding="utf-8"))
        fitting: list[dict[str, Any]] = [
            {key: tuple(value) if isinstance(value, list) else value for key, value in row.items()} for row in rows
        ]
        return [Noise(**row) for row in fitting]
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise StoreError(f"{file} cannot be read: {reason(error)}") from error


def format_noise(noise: Noise) -> str:
    """Describe the noise in one line."""
    low, high = min(noise.passed), max(noise.passed)
    passed = f"{low} passed each time" if low == high else f"{low} to {high} passed"
    return (
        f"{len(noise.flipped)} of {noise.problems} problems flip over {noise.runs} greedy runs ({passed}); "
        f"{len(noise.other_texts)} answers are not the same text"
    )


def _find_differing(keys: Sequence[tuple[str, str, int]], runs: Sequence[dict[Any, Any]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(key[1] for key in keys if len({run[key] for run in runs}) > 1))
