"""Start the command line, and end it: one line on stderr and an exit code, never a traceback.

`harness.errors` has the exit codes. The application and typer are imported last, so that an error of theirs ends so,
too.
"""

from __future__ import annotations

import errno
import json
import os
import shlex
import signal
import sys
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from .. import VERBS
from ..errors import DEFECT, INFRASTRUCTURE, STOPPED, USAGE, HarnessError
from ..progress.streams import Streams, guard_streams
from ..store.cleaning import neutralize
from .signals import StopSignals

COMPLETION = "_HARNESS_COMPLETE"
"""Set by the script that `--show-completion` prints."""
REFUSALS = {errno.EACCES, errno.EPERM, errno.EROFS, errno.EIO, errno.ENOTDIR, errno.EEXIST, errno.ENAMETOOLONG}
"""What a disk answers where a folder of ours, the cache above all, cannot be used."""
ENDED_BY_SIGTERM = {signal.SIGTERM, 128 + signal.SIGTERM}
"""The codes with which a library that handles SIGTERM itself (Ray) ends the process."""


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line and end the process."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        with StopSignals() as signals, guard_streams() as streams:
            code = _flush_output(_run_guarded(arguments, signals), streams)
    except KeyboardInterrupt:  # when the command had ended already
        code = STOPPED
    sys.exit(code)


def _run_guarded(arguments: list[str], signals: StopSignals) -> int:
    """Run the command, and return its exit code."""
    try:
        return _run(arguments)
    except KeyboardInterrupt:
        return _report_stop(arguments)
    except HarnessError as error:
        return _report_stop(arguments) if signals.begun else _report_error(str(error), error.exit_code)
    except SystemExit as ended:
        return _report_library_exit(ended, arguments)
    except Exception as error:  # noqa: BLE001 - a defect ends with a log, not with a traceback
        # Tidying up after a stop may fail, which then is not what the user has to know.
        return _report_stop(arguments) if signals.begun else _report_unforeseen(error, arguments)


def _run(arguments: list[str]) -> int:
    import typer

    from .application import app

    # Every usage error of the parser derives from this class; typer does not export it by name.
    usage_error: type[Exception] = typer.BadParameter.__bases__[0]
    parser = typer.main.get_command(app)
    if COMPLETION in os.environ:  # the shell asks what may come next
        return _complete(parser)
    try:
        with parser.make_context("harness", list(arguments), obj=["harness", *arguments]) as context:
            parser.invoke(context)
    except typer.Exit as ended:
        return ended.exit_code
    except typer.Abort:
        return _report_stop(arguments)
    except usage_error as error:
        return _report_usage(error, arguments)
    return 0


def _complete(parser: Any) -> int:
    try:
        parser.main(args=[], prog_name="harness", complete_var=COMPLETION)
    except SystemExit as ended:
        return USAGE if ended.code else 0
    return 0


def _report_usage(error: Exception, arguments: list[str]) -> int:
    """Print a usage error in one line; show the help instead for a bare `harness`."""
    context: Any = getattr(error, "ctx", None)
    if type(error).__name__ == "NoArgsIsHelpError" and context is not None:
        sys.stdout.write(f"{context.get_help()}\n")
        return USAGE
    say = getattr(error, "format_message", None)
    where = f"{context.command_path} --help" if context is not None else "harness --help"
    text = _add_value(" ".join(str(say() if say is not None else error).split()), error, arguments)
    return _report_error(f"{text.rstrip('.')} (see `{where}`)", USAGE)


def _add_value(text: str, error: Exception, arguments: list[str]) -> str:
    """Return `text` with the value that an option was given, which the parser leaves out."""
    names = getattr(getattr(error, "param", None), "opts", [])
    given = [value for name, value in pairwise(arguments) if name in names]
    head, separator, reason = text.partition(": ")
    return f"{head}: {json.dumps(given[-1])}: {reason}" if separator and given and given[-1] not in text else text


def _report_stop(arguments: list[str]) -> int:
    message = "stopped"
    if arguments and arguments[0] in VERBS and VERBS[arguments[0]].resumable:
        message += f"; what was finished is kept. Resume with: {shlex.join(['harness', *arguments])}"
    sys.stderr.write(f"\n{message}\n")
    return STOPPED


def _report_library_exit(ended: SystemExit, arguments: list[str]) -> int:
    """Return the code for a library that ended the process; its own code could be taken for the gate's."""
    if ended.code in (None, 0):
        return 0
    return _report_stop(arguments) if ended.code in ENDED_BY_SIGTERM else _report_defect(ended, arguments)


def _report_unforeseen(error: Exception, arguments: list[str]) -> int:
    """Report what the machine lacks, if that is the cause; anything else is a defect of ours."""
    package = (error.name or "").partition(".")[0] if isinstance(error, ImportError) else ""
    if package and package != __name__.partition(".")[0]:
        return _report_error(f'the package "{package}" is missing or unusable here: {error}. Install it', USAGE)
    if isinstance(error, MemoryError):
        return _report_error("the memory is full. Free some and give the same command again", INFRASTRUCTURE)
    if isinstance(error, OSError):
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return _report_error("the disk is full. Free some space and give the same command again", INFRASTRUCTURE)
        if error.errno in REFUSALS and error.filename is not None:
            text = f"{error.filename}: {error.strerror}. Mend that and give the same command again"
            return _report_error(text, INFRASTRUCTURE)
    return _report_defect(error, arguments)


def _report_defect(error: BaseException, arguments: list[str]) -> int:
    from .defects import report_defect

    return _report_error(report_defect(error, arguments), DEFECT)


def _flush_output(code: int, streams: Streams) -> int:
    """Return the exit code of a command that ended with `code`: 0 only if its result could be written."""
    failure = streams.flush_stdout()
    if failure is None or code != 0:
        return code
    if failure.errno == errno.EPIPE:  # the reader has gone, and knows
        return INFRASTRUCTURE
    return _report_error(f"the result could not be written to stdout: {failure.strerror}", INFRASTRUCTURE)


def _report_error(message: str, code: int) -> int:
    sys.stderr.write(f"error: {' '.join(neutralize(message).splitlines())}\n")
    return code
