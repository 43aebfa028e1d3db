"""The application: every command by its name."""

from __future__ import annotations

from typing import Annotated

import typer

from .. import __version__
from . import ask, compare, configure, data, evaluate, evolve, finetune, inspect, loop, plan, publish, verify
from .output import command

app = typer.Typer(
    name="harness",
    help="Benchmark code models: completions, sandboxed verdicts, pass@k, reports.",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"harness {__version__}")
        raise typer.Exit


@app.callback(no_args_is_help=True)
def harness(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Benchmark code models: completions, sandboxed verdicts, pass@k, reports."""


command(app, "run", evaluate.run, "Evaluate a model on benchmarks.")
command(app, "score", evaluate.score, "Judge samples that are there already.")
command(app, "ask", ask.ask, "Put one instruction to a checkpoint.")
command(app, "report", inspect.report, "Write a run's report anew.")
command(app, "compare", compare.compare, "Compare runs with a baseline.")
command(app, "gate", compare.gate, "Exit 1 where a candidate has regressed.")
command(app, "loop", loop.loop, "Evolve, fine-tune, run, compare and gate.")
command(app, "leaderboard", publish.leaderboard, "All runs of a folder in one table.")
command(app, "reproduce", publish.reproduce, "Published and measured figures side by side.")
command(app, "import", publish.import_results, "Make a run of another harness's results.")
command(app, "export", publish.export, "Write a run in another harness's format.")
command(app, "list", inspect.list_names, "The names that other commands take.")
command(app, "verify", verify.verify, "Check that a sandbox judges rightly.")
command(app, "doctor", inspect.doctor, "What is installed, what is missing, what to do.")
command(app, "plan", plan.plan, "Tokens, hours and disk of a larger run.")
command(app, "evolve", evolve.evolve, "Make harder training data (Evol-Instruct).")
command(app, "decontaminate", evolve.decontaminate, "Remove rows that repeat a benchmark.")
command(app, "untouched", evolve.untouched, "Scores on problems the training data never touched.")
command(app, "finetune", finetune.finetune, "Fine-tune a checkpoint.")
command(app, "merge", finetune.merge, "Add a LoRA adapter to its base.")
app.add_typer(configure.app, name="config")
app.add_typer(data.app, name="data")
app.add_typer(inspect.sandbox_app, name="sandbox")
