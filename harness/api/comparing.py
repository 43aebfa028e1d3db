"""Compare runs with runs, and with published figures."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import UsageError
from .paths import Name, to_path

if TYPE_CHECKING:
    from ..compare import Comparison, Gate
    from ..compare.reproduce import Reproduction
    from ..progress import Progress
    from ..report.leaderboard import Leaderboard


def compare_runs(
    *runs: Name,
    allow_mixed: bool = False,
    common: bool = False,
    published: Name | None = None,
    out: Name | None = None,
    tell: Callable[[str], None] | None = None,
) -> Comparison:
    """Return the differences of runs with the first one; `harness.compare.tables` makes tables of them.

    `common` compares runs of different problems on those that they share. `published` is a TOML table of scores to
    show beside the runs. compare.md, .json and .html are written into the folder `out`, and `tell` is given a line for
    each.

    Raises:
        StoreError: a run is damaged or unfinished, or they are not comparable, or `out` cannot be written.
    """
    from ..compare import compare, writing

    comparison = compare([Path(run) for run in runs], allow_mixed=allow_mixed, common=common, table=to_path(published))
    if out is not None:
        _tell_written(writing.write_comparison(comparison, Path(out)), tell)
    return comparison


def gate_runs(
    baseline: Name,
    candidate: Name,
    *,
    rules: Name | None = None,
    junit: Name | None = None,
    allow_mixed: bool = False,
    **thresholds: Any,
) -> Gate:
    """Compare a candidate with its baseline; `thresholds` are the fields of `harness.compare.GateThresholds`.

    `rules` is a TOML file of them, whose top-level keys `thresholds` override; `junit` is a file to write the result
    to as XML.

    Raises:
        StoreError: a run is damaged or unfinished, or they are not comparable, or `junit` cannot be written.
        UsageError: a threshold does not fit.
    """
    from ..compare import verdict
    from ..compare.gate import check_regression, read_rules

    chosen = read_rules(to_path(rules), thresholds)
    result = check_regression(Path(baseline), Path(candidate), chosen, allow_mixed=allow_mixed)
    if junit is not None:
        verdict.write_junit(result, Path(junit))
    return result


def leaderboard(
    folder: Name = "results", *, out: Name | None = None, tell: Callable[[str], None] | None = None
) -> Leaderboard:
    """Return all runs of a folder, grouped by comparable configuration; `.table` is a pandas frame.

    leaderboard.html, .csv and .md are written into the folder `out`, and `tell` is given a line for each.

    Raises:
        StoreError: there is no run, or `out` cannot be written.
    """
    from ..report import leaderboard as boards

    made = boards.build_leaderboard(Path(folder))
    if out is not None:
        _tell_written(boards.write_leaderboard(made, Path(out)), tell)
    return made


def reproduce(
    target: str,
    *,
    checkpoints: Mapping[str, Name] | None = None,
    samples: Mapping[str, Name] | None = None,
    out: Name | None = None,
    sandbox: str | None = None,
    sampled: bool = False,
    progress: Progress | None = None,
) -> list[Reproduction]:
    """Return published and measured figures side by side, from checkpoints or samples by their published names.

    Raises:
        UsageError: a name or a file does not fit, or nothing could be measured.
    """
    from ..compare import reproduce as reproducing

    table = reproducing.read_target(target)
    if not checkpoints and not samples:
        raise UsageError(f"nothing to reproduce {target} with; add --checkpoint NAME=PATH or --samples NAME=FILE")
    request = reproducing.ReproductionRequest(
        checkpoints={table.find_checkpoint(name): str(value) for name, value in (checkpoints or {}).items()},
        samples={table.find_checkpoint(name): Path(value) for name, value in (samples or {}).items()},
        out=to_path(out) or Path("results") / f"reproduce-{target}",
        sandbox=sandbox,
        sampled=sampled,
    )
    return reproducing.reproduce(table, request, progress=progress)


def _tell_written(paths: list[Path], tell: Callable[[str], None] | None) -> None:
    if tell is not None:
        for path in paths:
            tell(f"wrote {path}")
