"""Keep what is needed to mend a defect of ours: a log with the traceback, the versions and the command line.

Secrets are masked: values of options and settings that are named like one, texts that look like a key, and what the
environment holds under such a name. The environment itself is not written.
"""

from __future__ import annotations

import os
import re
import shlex
import tempfile
import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

from ..store.cleaning import format_line

FOLDER = "logs"
MASK = "[masked]"
NAMED = r"[\w.-]*(?:api[-_]?key|token(?!s|iz)|secret|passw(?:or)?d|credential)[\w.-]*"
SECRET_NAME = re.compile(NAMED, re.IGNORECASE)
SETTING = re.compile(rf"""({NAMED}["']?\s*[=:]\s*["']?)([^\s"',}}]+)""", re.IGNORECASE)
SECRET_TEXT = re.compile(r"\b(?:sk-|hf_|gh[pousr]_|github_pat_|xox[abp]-|AKIA)[\w-]{8,}|(?<=://)[^/\s@]+:[^/\s@]+(?=@)")
SHORTEST = 6
"""Characters of a value in the environment that is masked wherever it occurs; shorter ones are words."""
MESSAGE = 300
"""Characters of the error that the line on stderr shows."""


def report_defect(error: BaseException, arguments: Sequence[str]) -> str:
    """Write the log of an unforeseen error, and return the line that names it."""
    secrets = [*_find_secrets(arguments), *_find_environment_secrets()]
    what = format_line(_mask_text(f"{type(error).__name__}: {error}".removesuffix(": "), secrets), MESSAGE)
    log = _write_log(_mask_text(_build_log(error, arguments), secrets))
    where = f"please report it with {log}" if log is not None else "no log of it could be written"
    return f"a defect of the harness: {what}; {where}"


def _build_log(error: BaseException, arguments: Sequence[str]) -> str:
    lines = [
        f"command: {shlex.join(['harness', *mask_arguments(arguments)])}",
        f"folder: {_describe_folder()}",
        *(f"{name}: {version}" for name, version in _collect_versions()),
        "",
        *traceback.format_exception(error),
    ]
    return "\n".join(lines)


def _describe_folder() -> str:
    try:
        return str(Path.cwd())
    except OSError:
        return "it is gone"


def _collect_versions() -> Iterator[tuple[str, str]]:
    import platform

    from .. import __version__
    from ..store.provenance import collect_versions

    yield "harness", __version__
    yield "system", platform.platform()
    yield from collect_versions().items()


def _write_log(text: str) -> Path | None:
    """Write the log into the first folder that takes it: the cache's, else the one for temporary files."""
    name = f"harness-{time.strftime('%Y%m%dT%H%M%S')}-{os.getpid()}.log"
    for folder in _list_log_folders():
        try:
            folder.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace") as file:
                file.write(text)
        except OSError:
            continue
        return folder / name
    return None


def _list_log_folders() -> Iterator[Path]:
    from ..data import get_cache_dir

    with suppress(RuntimeError):  # there is no home folder
        yield get_cache_dir() / FOLDER
    with suppress(OSError):  # there is no folder for temporary files
        yield Path(tempfile.gettempdir())


def mask_arguments(arguments: Sequence[str]) -> list[str]:
    """Return the arguments of a command without the secrets among them."""
    secrets = _find_secrets(arguments)
    return [SETTING.sub(rf"\1{MASK}", _mask_text(argument, secrets)) for argument in arguments]


def _find_secrets(arguments: Sequence[str]) -> list[str]:
    """Return the values of options and settings that are named like a secret."""
    secrets = [match[2] for argument in arguments for match in SETTING.finditer(argument)]
    for name, value in pairwise(arguments):
        if name.startswith("--") and SECRET_NAME.fullmatch(name):
            secrets.append(value)
    return secrets


def _find_environment_secrets() -> list[str]:
    return [value for name, value in os.environ.items() if SECRET_NAME.fullmatch(name) and len(value) >= SHORTEST]


def _mask_text(text: str, secrets: Sequence[str]) -> str:
    for secret in sorted(set(secrets), key=len, reverse=True):
        text = text.replace(secret, MASK)
    return SECRET_TEXT.sub(MASK, text)
