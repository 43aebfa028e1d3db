"""Virtual environments for the process sandbox: the same pinned packages that the Docker images hold.

They live in the cache folder, named by the digest of what went in, and appear there whole or not at all.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from ..data import get_cache_dir
from ..errors import SandboxUnavailable
from . import wheels
from .environments import Environment, digest_of
from .environments import environment as environment_named

DATA = "data"
Report = Callable[[str], None]


def python_of(environment: Environment) -> Path | None:
    """Return the interpreter of the environment's virtual environment; None if it is not built."""
    if environment.executes:  # it has no packages of Python's
        return None
    python = _folder(environment) / "bin" / "python"
    return python if python.exists() else None


def settings_of(environment: Environment) -> dict[str, str]:
    """Return the environment variables of programs that its interpreter runs."""
    return environment.settings("" if environment.executes else str(_folder(environment) / DATA))


def build_venv(name: str, *, report: Report) -> Path:
    """Build the virtual environment of environment `name` unless it is there; its folder.

    Raises:
        UsageError: no such environment.
        DataError: a data file that its programs read is nowhere.
        SandboxUnavailable: no fitting Python, or the packages cannot be had.
    """
    environment = environment_named(name)
    folder = _folder(environment)
    if python_of(environment) is not None:
        report(f"{folder} is built already")
        return folder
    base = _interpreter(environment)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".building-", dir=folder.parent) as building:
        made = Path(building) / "venv"
        _fill(environment, made, base, report)
        try:
            made.rename(folder)
        except OSError:
            if python_of(environment) is None:  # else another process was faster
                raise
    return folder


def _fill(environment: Environment, made: Path, base: str, report: Report) -> None:
    report(f"making a virtual environment with {base}")
    done = subprocess.run(
        [base, "-m", "venv", "--without-pip", str(made)], capture_output=True, text=True, check=False, env=_plain()
    )
    if done.returncode != 0:
        last = (done.stdout + done.stderr).strip().splitlines()[-1:]
        raise SandboxUnavailable(f"{base} -m venv failed: {' '.join(last)}")
    wheels.write_folders(environment, made / DATA)
    report(f"fetching the pinned wheels of {environment.name}")
    packages = made / "lib" / f"python{wheels.PYTHON}" / "site-packages"
    wheels.install(environment, packages)
    report("compiling them")
    # a file that does not compile fails when it is imported, if ever
    subprocess.run(
        [str(made / "bin" / "python"), "-m", "compileall", "-q", "-j", "0", str(packages)],
        capture_output=True,
        check=False,
        env=_plain(),
    )


def _interpreter(environment: Environment) -> str:
    wanted = tuple(map(int, wheels.PYTHON.split(".")))
    if sys.version_info[:2] == wanted:
        return sys.executable
    interpreter = shutil.which(f"python{wheels.PYTHON}")
    if interpreter is None:
        raise SandboxUnavailable(
            f"environment {environment.name} is pinned for Python {wheels.PYTHON}, this is Python "
            f"{platform.python_version()} and there is no python{wheels.PYTHON} on the path. Install it, or use "
            "--sandbox docker"
        )
    return interpreter


def _folder(environment: Environment) -> Path:
    digest = digest_of(wheels.requirements(environment), environment.contents, sys.platform, platform.machine())
    return get_cache_dir() / "environments" / f"{environment.name}-{digest}"


def _plain() -> dict[str, str]:
    """Return the user's environment without what would lead another Python astray."""
    return {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
