"""Log a run that is there already, with the curves that it would have had."""

from __future__ import annotations

from pathlib import Path

from .. import report
from ..errors import StoreError, reason
from ..store import read_verdicts
from .metrics import VerdictCurves, collect_params, collect_scores
from .trackers import TRACKERS, check_trackers


def log_run(path: Path, to: str, out: Path) -> int:
    """Add the run in the folder `path` to what the tracker `to` has at `out`; return how many verdicts were logged.

    `out` is a folder, or the SQLite database of MLflow.

    Raises:
        UsageError: the tracker is not known or not installed.
        StoreError: the run is damaged, or the tracker fails.
    """
    check_trackers([to])
    summary, verdicts = report.read(path), read_verdicts(path)
    curves = VerdictCurves(len(verdicts))
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        tracker = TRACKERS[to].open(out, path.resolve().name, collect_params(summary.manifest))
        for verdict in verdicts.values():
            if (point := curves.add(verdict)) is not None:
                tracker.log(point, curves.step)
        tracker.log(curves.finish() | collect_scores(summary), curves.step)
        tracker.close(complete=not (summary.missing or summary.unjudged or summary.infrastructure))
    except Exception as error:
        raise StoreError(f"{to} cannot write to {out}: {reason(error)}") from error
    return curves.step
