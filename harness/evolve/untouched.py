"""A run's score on the problems that its training data never touched, beside the full score.

The data's manifest lists the problems of each benchmark that some row repeated or solved. Those rows were removed; what
else a model learned from the same source nobody knows, so the score without these problems is told as well.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..config import select_ks
from ..errors import DataError, StoreError, reason
from ..metrics.pass_at_k import compute_pass_at_k
from ..store import read_manifest, read_samples, read_verdicts
from ..types import Score, Status
from .dataset import DATA_MANIFEST


@dataclass(frozen=True, slots=True, kw_only=True)
class ScorePair:
    """The two scores of one benchmark."""

    full: Score
    untouched: Score
    touched: int
    """How many of the run's problems the data touched."""


def score_untouched(run: Path, data: Path) -> list[ScorePair]:
    """Score each benchmark and k of the run in `run` with and without the problems that `data` touched.

    Raises:
        StoreError: `run` is no run folder, or not wholly judged.
        DataError: `data` has no manifest, or was not compared with this version of a benchmark.
    """
    manifest, found = read_manifest(run), _read_contamination(data)
    samples, verdicts = read_samples(run), read_verdicts(run)
    judged = {key: one for key, one in verdicts.items() if key in samples and one.status is not Status.INFRASTRUCTURE}
    if len(judged) < len(samples) or "tasks" not in manifest:
        raise StoreError(f"{run} is not wholly judged; the same `harness` command completes it")
    scores = []
    for benchmark, task_ids in manifest["tasks"].items():
        _check_compared(benchmark, manifest["identity"]["benchmarks"][benchmark], found, data)
        drawn, passed = Counter[str](), Counter[str]()
        for (name, task_id, _), verdict in judged.items():
            if name == benchmark:
                drawn[task_id] += 1
                passed[task_id] += verdict.status is Status.PASSED
        counts = {task_id: (drawn[task_id], passed[task_id]) for task_id in task_ids}
        touched = set(found["touched"].get(benchmark, ())) & set(counts)
        clean = {task_id: count for task_id, count in counts.items() if task_id not in touched}
        for k in select_ks(manifest["config"]["k"], min(drawn[task_id] for task_id in task_ids)):
            full, rest = (compute_pass_at_k(one, k, benchmark=benchmark) for one in (counts, clean))
            scores.append(ScorePair(full=full, untouched=rest, touched=len(touched)))
    return scores


def _read_contamination(data: Path) -> Mapping[str, Any]:
    file = data / DATA_MANIFEST if data.is_dir() else data
    try:
        manifest = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"data manifest {file} cannot be read: {reason(error)}") from error
    found = manifest.get("contamination") if isinstance(manifest, dict) else None
    if not found:
        raise DataError(f"data manifest {file} says nothing of benchmarks: the data was not compared with any")
    result: Mapping[str, Any] = found
    return result


def _check_compared(benchmark: str, facts: Mapping[str, Any], found: Mapping[str, Any], data: Path) -> None:
    """Refuse a benchmark that the data was not compared with."""
    compared = found["benchmarks"].get(benchmark)
    if compared is None:
        raise DataError(f"{data} was not compared with {benchmark}; `harness decontaminate` does that")
    if compared["data_digest"] != facts["data_digest"]:
        raise DataError(f"{data} was compared with another version of {benchmark}'s data than the run's")
