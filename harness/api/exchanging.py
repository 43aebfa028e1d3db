"""Runs from and for other harnesses."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import UsageError
from .paths import Name, to_path

if TYPE_CHECKING:
    from ..report import Summary


def import_results(
    results: Name, benchmark: str, *, out: Name | None = None, page: bool = True, **options: Any
) -> Summary:
    """Make a run of another harness's results; `page` writes its report.html.

    `options` are those of `harness.exchange.import_results`, such as `judge`, which leaves the file's verdicts aside
    and judges here, `sandbox` and `progress`.

    Raises:
        SamplesError: the file is of no known format, or a row does not fit.
    """
    from .. import exchange
    from ..report import write_page

    summary = exchange.import_results(Path(results), benchmark=benchmark, out=to_path(out), **options)
    if page:
        write_page(summary.path, suites=summary.suites)
    return summary


def export_run(
    run: Name,
    out: Name,
    *,
    to: str,
    benchmark: str | None = None,
    force: bool = True,
    tell: Callable[[str], None] | None = None,
) -> int:
    """Write a run in another harness's format, as Parquet, or its scores for others to read; return what was written.

    That is the number of samples, of scores for a format of scores, such as "model-index" or "cite", or of verdicts for
    a tracker: "wandb", "mlflow" or "tensorboard", which add a run to a folder or database. Without `force` an existing
    file is kept. `tell` is given a line if text had to be replaced.

    Raises:
        UsageError: no such format or benchmark, a package is missing, or the file exists and is to be kept.
        StoreError: the run is damaged or not wholly judged, or the file cannot be written.
    """
    from .. import exchange, tracking
    from ..store import write_text

    if to in tracking.TRACKERS:
        return tracking.log_run(Path(run), to, Path(out))
    if Path(out).exists() and not force:
        raise UsageError(f"{out} exists; --force replaces it")
    if to in exchange.FORMATS:
        return exchange.export_run(Path(run), to=to, out=Path(out), benchmark=benchmark, tell=tell)
    text, count = exchange.export_scores(Path(run), to, benchmark)
    write_text(Path(out), text)
    return count
