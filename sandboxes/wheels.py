"""The pinned packages of an environment, put into a folder: what images and virtual environments are made of.

Fetching uses pip as the user has configured it, so mirrors and caches apply; hashes decide what is accepted.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

from ..data import read_content
from ..errors import SandboxUnavailable
from .environments import Environment

PYTHON = "3.11"
"""What programs run under, everywhere."""


def requirements(environment: Environment) -> str:
    """Return the pinned and hashed requirements, in pip's format."""
    return (files(__package__) / "images" / f"{environment.name}.txt").read_text(encoding="utf-8")


def install(environment: Environment, target: Path, *, platforms: tuple[str, ...] = ()) -> None:
    """Unpack the environment's wheels into `target`, for this machine's platform or for `platforms`.

    Raises:
        SandboxUnavailable: they cannot be had (with pip's reason).
    """
    target.mkdir(parents=True, exist_ok=True)
    listed = target / "requirements.txt"
    listed.write_text(requirements(environment), encoding="utf-8")
    command = [
        *(sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile"),
        *("--no-deps", "--require-hashes", "--only-binary=:all:", f"--python-version={PYTHON}"),
        *(f"--platform={platform}" for platform in platforms),
        *("--target", str(target), "--requirement", str(listed)),
    ]
    reason = _run(command)
    if reason and environment.extra_index:
        reason = _run([*command, "--extra-index-url", environment.extra_index])
    if reason:
        raise SandboxUnavailable(f"fetching the wheels of environment {environment.name} failed: {reason}")
    listed.unlink()
    for pattern in environment.trimmed:
        for path in target.glob(pattern):
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def write_folders(environment: Environment, root: Path) -> None:
    """Write the environment's data files where `Environment.settings(root)` says they are.

    Raises:
        DataError: a file is nowhere, or is another.
    """
    for variable, data_files in environment.folders.items():
        folder = root / variable.lower()
        folder.mkdir(parents=True)
        for file in data_files:
            (folder / Path(file.name).name).write_bytes(read_content(file))


def _run(command: list[str]) -> str:
    """Run a command; return why it failed, by the last line that says so, or ""."""
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return ""
    lines = [line for line in done.stderr.splitlines() if line.strip()]
    return next(
        (line for line in reversed(lines) if line.startswith("ERROR")), lines[-1] if lines else "no reason given"
    )
