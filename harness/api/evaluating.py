"""Make, forecast and report runs of a model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import UsageError
from .paths import Name, to_path
from .settings import resolve_run_config, write_pages

if TYPE_CHECKING:
    from ..evaluation.pipeline import Preview
    from ..planning.capacity import CapacityForecast
    from ..planning.forecast import RunForecast
    from ..progress import Progress
    from ..report import Summary


def run(
    model: Name | None = None,
    benchmarks: str | Sequence[str] = (),
    *,
    out: Name | None = None,
    page: bool = True,
    log_to: Sequence[str] = (),
    progress: Progress | None = None,
    **settings: Any,
) -> Summary:
    """Evaluate `model`; the same call again completes a stopped run.

    `settings` are the keys of a configuration file (`harness config example`), such as `recipe`, `n`, `temperature`,
    `limit` or `sandbox`. `config` is such a file, which all else overrides; `split` is a split of the benchmarks,
    `benchmark_options` are options that they have, such as {"release": "v5"}, and `tell` is given a line for each
    warning. `out` is the run folder, by default results/<model>-<digest>; `page` writes its report.html.
    `log_to` names trackers that are told of it while it goes: "wandb", "mlflow" or "tensorboard". A run that ends at
    its `max_cost` returns a summary with `missing` samples.

    Raises:
        UsageError: a name or a setting does not fit.
        HarnessError: see the subclasses; what was done until then is kept.
    """
    return run_all(model, benchmarks, out=out, page=page, log_to=log_to, progress=progress, **settings)[0]


def run_all(
    model: Name | None = None,
    benchmarks: str | Sequence[str] = (),
    *,
    out: Name | None = None,
    page: bool = True,
    log_to: Sequence[str] = (),
    command: Sequence[str] = (),
    progress: Progress | None = None,
    **settings: Any,
) -> list[Summary]:
    """Return the summaries of all that `run` evaluates: the model, its adapters, and the repetitions of each.

    `log_to` names trackers that are told of it while it goes: "wandb", "mlflow" or "tensorboard".

    Raises:
        HarnessError: as `run`.
    """
    from ..evaluation import pipeline

    chosen = resolve_run_config(model, benchmarks, **settings)
    summaries = pipeline.run_all(chosen, out=to_path(out), log_to=log_to, command=command, progress=progress)
    if page:
        write_pages(summaries)
    return summaries


def preview_run(model: Name | None = None, benchmarks: str | Sequence[str] = (), **settings: Any) -> Preview:
    """Return the first prompt of what `run` would evaluate with the same arguments; nothing is generated.

    Raises:
        HarnessError: as `run`, before it generates anything.
    """
    from ..evaluation.pipeline import preview

    return preview(resolve_run_config(model, benchmarks, **settings))


def dry_run(
    model: Name | None = None, benchmarks: str | Sequence[str] = (), *, out: Name | None = None, **settings: Any
) -> RunForecast:
    """Return what `run` would do with the same arguments, how long and at what cost; nothing is loaded.

    Raises:
        HarnessError: as `run`, before it generates anything.
    """
    from ..planning.forecast import forecast_run

    return forecast_run(resolve_run_config(model, benchmarks, **settings), to_path(out))


def plan_run(
    model: str,
    benchmarks: str | Sequence[str],
    *,
    n: int = 1,
    gpus: int = 0,
    cores: int | None = None,
    price: tuple[float, float] | None = None,
    measured: Sequence[Name] = (),
) -> CapacityForecast:
    """Return tokens, hours and disk of `n` samples of each problem, from what smaller runs took.

    `measured` are run folders to take figures from; `gpus` 0 means one replica on a CPU machine, `cores` are those to
    score on. `price` is what a million prompt tokens and a million answer tokens cost.

    Raises:
        UsageError: nothing was measured of the model on a benchmark, or the GPUs do not make a replica.
        StoreError: a folder of `measured` is no run folder.
    """
    from ..config import NO_BENCHMARK
    from ..planning.capacity import forecast_capacity

    names = (benchmarks,) if isinstance(benchmarks, str) else benchmarks
    if not names:
        raise UsageError(NO_BENCHMARK)
    runs = [Path(folder) for folder in measured]
    return forecast_capacity(model, names, n=n, gpus=gpus, cores=cores, price=price, runs=runs)


def show_run(run: Name) -> Summary:
    """Return the summary of a run folder as it is now; nothing is written.

    Raises:
        StoreError: it is no run folder, or a file of it is damaged.
    """
    from .. import report

    return report.read(Path(run))


def write_report(run: Name) -> Summary:
    """Write scores.json, report.md, report.html and the plots of a run anew.

    Raises:
        StoreError: it is not a run folder, or a file is damaged.
    """
    from .. import report

    summary = report.write(Path(run))
    report.write_page(summary.path, pictures=True)
    return summary
