"""The application, and how its errors end: one line on stderr and an exit code, never a traceback."""

from __future__ import annotations

import errno
import json
import os
import shlex
import sys
from collections.abc import Sequence
from itertools import pairwise
from typing import Annotated

import typer

from .. import __version__
from ..errors import INFRASTRUCTURE, USAGE, HarnessError
from . import ask, compare, configure, data, evaluate, evolve, finetune, inspect, loop, plan, publish, verify
from .output import command

INTERRUPTED = 130
COMPLETION = "_HARNESS_COMPLETE"
"""Set by the script that `--show-completion` prints."""
REFUSALS = {errno.EACCES, errno.EPERM, errno.EROFS, errno.EIO, errno.ENOTDIR, errno.EEXIST, errno.ENAMETOOLONG}
"""What a disk answers where a folder of ours, the cache above all, cannot be used."""
RESUMABLE = {"run", "score", "evolve", "finetune", "loop"}

# Every usage error of the parser derives from this class; typer does not export it by name.
PARSER_ERROR: type[Exception] = typer.BadParameter.__bases__[0]

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


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line and end the process."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    sys.exit(_status(arguments))


def _status(arguments: list[str]) -> int:
    parser = typer.main.get_command(app)
    try:
        if COMPLETION in os.environ:  # the shell asks what may come next
            parser.main(args=[], prog_name="harness", complete_var=COMPLETION)
        with parser.make_context("harness", list(arguments), obj=["harness", *arguments]) as context:
            parser.invoke(context)
    except typer.Exit as ended:
        return ended.exit_code
    except PARSER_ERROR as error:
        return _usage(error, arguments)
    except HarnessError as error:
        return _failed(str(error), error.exit_code)
    except KeyboardInterrupt:
        return _interrupted(arguments)
    except OSError as error:
        return _system_error(error)
    return 0


def _usage(error: Exception, arguments: list[str]) -> int:
    """A usage error in one line; a bare `harness` shows the help instead."""
    context = getattr(error, "ctx", None)
    if type(error).__name__ == "NoArgsIsHelpError" and context is not None:
        typer.echo(context.get_help())
        return USAGE
    say = getattr(error, "format_message", None)
    where = f"{context.command_path} --help" if context is not None else "harness --help"
    text = _with_value(" ".join(str(say() if say is not None else error).split()), error, arguments)
    return _failed(f"{text.rstrip('.')} (see `{where}`)", USAGE)


def _with_value(text: str, error: Exception, arguments: list[str]) -> str:
    """`text` with the value that an option was given, which the parser leaves out."""
    names = getattr(getattr(error, "param", None), "opts", [])
    given = [value for name, value in pairwise(arguments) if name in names]
    head, found, reason = text.partition(": ")
    return f"{head}: {json.dumps(given[-1])}: {reason}" if found and given and given[-1] not in text else text


def _interrupted(arguments: list[str]) -> int:
    message = "stopped"
    if arguments and arguments[0] in RESUMABLE:
        message += f"; what was finished is kept. Resume with: {shlex.join(['harness', *arguments])}"
    typer.echo(f"\n{message}", err=True)
    return INTERRUPTED


def _system_error(error: OSError) -> int:
    """Where the machine is at fault and the message says all; anything else is a defect of ours and is raised."""
    if isinstance(error, BrokenPipeError):
        # The reader of our output has gone; what Python flushes at exit goes nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return INFRASTRUCTURE
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return _failed("the disk is full. Free some space and give the same command again", INFRASTRUCTURE)
    if error.errno in REFUSALS and error.filename is not None:
        return _failed(f"{error.filename}: {error.strerror}. Mend that and give the same command again", INFRASTRUCTURE)
    raise error


def _failed(message: str, code: int) -> int:
    typer.echo(f"error: {message}", err=True)
    return code
