"""Every error the harness raises on purpose, one class per boundary.

HarnessError
├── UsageError            a name, flag or configuration that does not fit        exit 2
├── DataError             a data file: missing, damaged, another version         exit 2
├── SamplesError          a samples file: shape, task id, duplicate (with line)  exit 2
├── StoreError            a run folder: another configuration, cannot be written exit 2 or 3
├── ModelError            a checkpoint or its engine                             exit 2 or 3
├── SandboxUnavailable    an engine, an image or a limit is missing              exit 3
└── ClusterUnavailable    a Ray cluster: none, another version, too small        exit 3

A message is one line: what, where, which value, what to do. The command line ends with one of these codes:

0    done
1    a regression that `harness gate` or `harness loop` found, and nothing else
2    usage or data: something the user has to change
3    infrastructure: an engine, a server, memory, a disk, or a stdout that does not take the result
70   a defect of the harness: an error that nobody foresaw (EX_SOFTWARE of sysexits.h); a log holds the traceback
130  stopped by Ctrl-C, SIGTERM or SIGHUP
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

USAGE = 2
INFRASTRUCTURE = 3
DEFECT = 70
STOPPED = 130


def reason(error: BaseException) -> str:
    """Return why something failed, in one line for people; system errors come without their number and path."""
    said = error.strerror if isinstance(error, OSError) else None
    return " ".join((said or str(error) or type(error).__name__).split())


def suggest(name: str, known: Iterable[str], otherwise: str | None = None) -> str:
    """Return a question for the known name that is nearest to `name`; else `otherwise`, or all known names."""
    names = list(known)
    if near := get_close_matches(name, names, n=1):
        return f' Did you mean "{near[0]}"?'
    return f" Known: {', '.join(names)}." if otherwise is None else otherwise


def root_cause(error: BaseException) -> BaseException:
    """Return the innermost error: those around it repeat an address or a class."""
    while inner := error.__cause__ or error.__context__:
        error = inner
    return error


def install_hint(*extras: str) -> str:
    """Return how to install one of `extras` (of pyproject.toml): no package index has the harness."""
    commands = " or ".join(f"pip install '.[{extra}]'" for extra in extras)
    return f"{commands} in a checkout of evol-harness"


class HarnessError(Exception):
    """Base class; `exit_code` is what the command line ends with."""

    exit_code = USAGE

    def __init__(self, message: str, *, exit_code: int | None = None) -> None:
        super().__init__(message)
        if exit_code is not None:
            self.exit_code = exit_code


class UsageError(HarnessError):
    """A name, flag or configuration that does not fit."""


class DataError(HarnessError):
    """A benchmark's data file is missing, damaged or of another version."""


class SamplesError(HarnessError):
    """A samples file has a wrong shape, an unknown task id or a duplicate."""


class StoreError(HarnessError):
    """A run folder holds another configuration, or cannot be read or written."""


class ModelError(HarnessError):
    """A checkpoint or its engine; `exit_code` tells the user's fault (2) from the machine's (3)."""


class SandboxUnavailable(HarnessError):
    """The engine, an image or a promised limit is missing."""

    exit_code = INFRASTRUCTURE


class ClusterUnavailable(HarnessError):
    """No Ray cluster answers, it runs another version, or it lacks what is asked for."""

    exit_code = INFRASTRUCTURE
