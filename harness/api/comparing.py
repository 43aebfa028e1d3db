"""Runs against runs, and against what was published."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .paths import Name, as_path

if TYPE_CHECKING:
    from ..compare import Comparison, Gate
    from ..compare.reproduce import Row
    from ..progress import Progress
    from ..report.leaderboard import Leaderboard


def compare_runs(*runs: Name, allow_mixed: bool = False) -> Comparison:
    """Differences of runs with the first one, with intervals and tests; `harness.compare.tables` makes tables of it.

    Raises:
        StoreError: a run is damaged or unfinished, or they are not comparable.
    """
    from ..compare import compare

    return compare([Path(one) for one in runs], allow_mixed=allow_mixed)


def gate_runs(baseline: Name, candidate: Name, *, allow_mixed: bool = False, **thresholds: Any) -> Gate:
    """Hold a candidate to its baseline; `thresholds` are the fields of `harness.compare.Thresholds`.

    Raises:
        StoreError: a run is damaged or unfinished, or they are not comparable.
        UsageError: a threshold does not fit.
    """
    from ..compare.gate import gate, rules_of

    return gate(Path(baseline), Path(candidate), rules_of({}, thresholds, None), allow_mixed=allow_mixed)


def leaderboard(folder: Name = "results") -> Leaderboard:
    """All runs of a folder, grouped by comparable configuration; `.table` is a pandas frame.

    Raises:
        StoreError: there is no run.
    """
    from ..report.leaderboard import build_leaderboard as board

    return board(Path(folder))


def reproduce(
    target: str,
    *,
    checkpoints: Mapping[str, Name] | None = None,
    samples: Mapping[str, Name] | None = None,
    out: Name | None = None,
    sandbox: str | None = None,
    sampled: bool = False,
    progress: Progress | None = None,
) -> list[Row]:
    """Published and measured figures side by side, from checkpoints or samples by their published names.

    Raises:
        UsageError: a name or a file does not fit, or nothing could be measured.
    """
    from ..compare import reproduce as reproducing

    table = reproducing.read_target(target)
    request = reproducing.Request(
        checkpoints={table.checkpoint(name): str(value) for name, value in (checkpoints or {}).items()},
        samples={table.checkpoint(name): Path(value) for name, value in (samples or {}).items()},
        out=as_path(out) or Path("results") / f"reproduce-{target}",
        sandbox=sandbox,
        sampled=sampled,
    )
    return reproducing.reproduce(table, request, progress=progress)
