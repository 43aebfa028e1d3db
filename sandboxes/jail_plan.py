"""Plan what the process sandbox shows of this machine: one interpreter, its packages, shared libraries and commands.

A prefix holds more than its interpreter: a conda prefix has other environments, and `share` folders hold data files
and documentation, benchmark files among them. So paths are named one by one and the rest stays out of sight.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

from .environments import Environment
from .venvs import DATA, python_of

SYSTEM = (
    *("/bin", "/sbin", "/usr/bin", "/usr/sbin", "/etc/alternatives"),
    *("/lib", "/lib64", "/usr/lib64", "/usr/lib/*-linux-gnu*", "/usr/lib/*-linux-musl*"),
    *("/etc/ld.so.cache", "/etc/ld-musl-*.path", "/etc/localtime", "/usr/lib/locale", "/usr/share/zoneinfo"),
)
"""Patterns of what programs may need of the system: commands, shared libraries, locales and time zones."""
SYSTEM_PYTHONS = ("/usr/lib/python3.*", "/usr/lib64/python3.*")
"""Patterns of standard libraries, for programs that run `python3`."""
LIBRARY_FOLDERS = ("/usr/lib", "/usr/local/lib")
"""Beside the interpreter's own: of what lies directly in them only shared libraries are shown."""
NOT_STANDARD = ("site-packages", "dist-packages", "ensurepip", "idlelib", "test")
"""Folders of a standard library that programs do not see."""
PYTHON_NAME = re.compile(r"python[0-9.]*t?")
PROCESSES = 128
"""Processes and threads that a program may have at a time."""


def jail_plan(environment: Environment, group: str = "") -> dict[str, Any]:
    """Return what `inside.jail.enter` is to show, and the size of the scratch folders.

    The environment's packages lie in a virtual environment of their own, or are picked from the harness's by name.
    """
    python = python_of(environment)
    interpreter = Path(python or sys.executable)
    standard = [Path(path) for path in _search_path(str(interpreter)) if Path(path).exists()]
    pythons = [*standard, *_matches(SYSTEM_PYTHONS)]
    read = {
        str(path)
        for path in (*_matches(SYSTEM), *_matches(SYSTEM_PYTHONS), *_matches(environment.paths.get(group, ())))
    }
    own = [*_executables(interpreter), *_shared_libraries(interpreter), *standard]
    own += _venv(interpreter) if python else _packages(interpreter, environment.packages)
    for path in own:
        # a program may meet either spelling
        read.update((str(path), str(path.resolve())))
    folders = {spelling / name for path in pythons for spelling in (path, path.resolve()) for name in NOT_STANDARD}
    hide = sorted(str(folder) for folder in folders if folder.is_dir())
    return {
        "read": _without_nested(read, hide),
        "hide": hide,
        "tmp_bytes": environment.scratch_bytes,
        "inodes": 4096,
        "execute": environment.executes,
    }


@cache
def _search_path(python: str) -> tuple[str, ...]:
    """Return where `python` finds its standard library."""
    command = [python, "-I", "-S", "-c", "import sys; print(*sys.path, sep='\\n')"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return tuple(path for path in done.stdout.splitlines() if Path(path).is_absolute())


def _executables(python: Path) -> Iterator[Path]:
    """Yield the chain of links from `python` to the executable, and the other names at both its ends."""
    yield from _pythons_in(python.parent)
    while python.is_symlink():
        python = python.parent / python.readlink()
        yield Path(os.path.normpath(python))
    yield from _pythons_in(python.resolve().parent)


def _pythons_in(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if PYTHON_NAME.fullmatch(path.name)]


def _shared_libraries(python: Path) -> Iterator[Path]:
    """Yield the shared libraries that lie directly in the library folders of the interpreter and the system."""
    for folder in (python.resolve().parent.parent / "lib", *map(Path, LIBRARY_FOLDERS)):
        yield from (path for path in folder.glob("*.so*") if path.is_file())


def _venv(python: Path) -> list[Path]:
    """Return what a virtual environment adds to its base: packages, and the data files of its programs."""
    names = ("lib", "lib64", "pyvenv.cfg", DATA)
    return [path for name in names if (path := python.parent.parent / name).exists()]


def _packages(python: Path, packages: Iterable[str]) -> list[Path]:
    """Return the named packages of the harness's interpreter, and what tells it that it is a virtual environment's."""
    folders = [Path(path) for path in sys.path if Path(path).name in {"site-packages", "dist-packages"}]
    names = [name for package in packages for name in (package, f"{package}.libs")]
    paths = [*(folder / name for folder in folders for name in names), python.parent.parent / "pyvenv.cfg"]
    return [path for path in paths if path.exists()]


def _matches(patterns: Iterable[str]) -> list[Path]:
    return [path for pattern in patterns for path in Path("/").glob(pattern.lstrip("/"))]


def _without_nested(paths: Iterable[str], hide: Iterable[str]) -> list[str]:
    """Return the sorted `paths` without those that another one shows already."""
    hidden = set(hide)
    shown: set[str] = set()
    for path in sorted(paths):
        parents = map(str, Path(path).parents)
        nearest = next((parent for parent in parents if parent in shown or parent in hidden), None)
        if nearest is None or nearest in hidden or Path(nearest).is_symlink():
            shown.add(path)
    return sorted(shown)
