"""What programs in the process sandbox see of the machine: an interpreter in a full prefix, and nothing else of it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from harness.sandboxes.environments import environment
from harness.sandboxes.jail_plan import jail_plan

from .conftest import NOBODY

SYSTEM_PYTHON = Path("/usr/bin/python3")

RUN = """
import sys
from harness.errors import SandboxUnavailable
from harness.sandboxes import open_sandbox
from harness.types import Asserts, Limits, Program
judge = Asserts(tests="\\nassert add_one(1) == 2\\n", exposes=("add_one",), split=False)
program = Program(source=sys.argv[1], environment="core", limits=Limits(cpu_time_s=30, wall_time_s=90))
try:
    with open_sandbox("process", environment="core", workers=1) as sandbox:
        ((_, found),) = sandbox.run([("toy", program, judge)])
except SandboxUnavailable as error:
    print("refused", error)
else:
    print(found.status.value, found.detail)
"""

SEARCH = """
import os
def add_one(n):
    found = []
    for folder, folders, files in os.walk("/"):
        if folder == "/":
            folders.remove("proc")
        names = [*folders, *files]
        found += [f"{folder}/{name}" for name in names if "needle" in name or "humaneval" in name.lower()]
        found += [f"{folder}/{name}" for name in files if name.endswith((".jsonl", ".jsonl.gz", ".parquet"))]
        found += [f"{folder}/{name}" for name in folders if name in ("envs", "pkgs", "dist-packages")]
        if folder == "/usr/share":
            found += [name for name in names if name != "zoneinfo"]
    if found:
        raise ValueError(found)
    return n + 1
"""

USE = """
import bz2, ctypes, datetime, hashlib, locale, lzma, os, sqlite3, ssl, subprocess, sys, zoneinfo
def add_one(n):
    one = subprocess.run([sys.executable, "-c", "import json, ctypes; print(1)"], capture_output=True, text=True)
    assert one.stdout == "1\\n", one.stderr
    assert datetime.datetime(2020, 7, 1, tzinfo=zoneinfo.ZoneInfo("Europe/Paris")).utcoffset().seconds == 7200
    locale.setlocale(locale.LC_ALL, "C.UTF-8")
    listing = subprocess.run("ls / | sort | head -1", shell=True, capture_output=True, text=True)
    assert listing.stdout and not listing.stderr, listing
    with open("/proc/self/mountinfo") as file:
        mounts = [line.split() for line in file]
    writable = {fields[4] for fields in mounts if "ro" not in fields[5].split(",")}
    assert writable == {"/tmp", "/dev/shm", "/proc"}, writable
    return n + 1
"""


def system_python_will_do() -> bool:
    check = [SYSTEM_PYTHON, "-c", "import sys, venv; sys.exit(sys.version_info < (3, 11))"]
    return SYSTEM_PYTHON.exists() and subprocess.run(check, check=False).returncode == 0


def interpreter_to_copy() -> tuple[Path, Path]:
    """An executable and its standard library; one with a shared library of its own would go on loading that."""
    shared = list((Path(sys.base_prefix) / "lib").glob("libpython*.so*"))
    if not shared or not system_python_will_do():
        return Path(sys.executable).resolve(), Path(os.__file__).parent
    python = SYSTEM_PYTHON.resolve()
    return python, Path("/usr/lib") / python.name


@pytest.fixture(scope="module")
def prefix(place: Path) -> Path:
    """A prefix as conda's: beside the interpreter other environments, packages and data."""
    prefix = place / "prefix"
    python, standard = interpreter_to_copy()
    skipped = shutil.ignore_patterns("__pycache__", "site-packages", "dist-packages", "test", "config-*")
    shutil.copytree(standard, prefix / "lib" / standard.name, symlinks=True, ignore=skipped)
    (prefix / "bin").mkdir()
    shutil.copy(python, prefix / "bin" / standard.name)
    (prefix / "bin" / "python").symlink_to(standard.name)
    for needle in (
        *("envs/other/lib/needle.jsonl", "pkgs/needle.jsonl", "share/needle.jsonl", "bin/needle.jsonl"),
        *("lib/needle.jsonl", f"lib/{standard.name}/site-packages/needle.jsonl", f"lib/{standard.name}/test/needle.py"),
    ):
        path = prefix / needle
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("{}\n")
    return prefix


@pytest.fixture(params=["prefix", "venv", "copied venv", "system"])
def python(request: pytest.FixtureRequest, place: Path) -> Path:
    """Interpreters of several kinds, readable by every user."""
    if request.param == "system":
        if not system_python_will_do():
            pytest.skip("no /usr/bin/python3 that the harness runs on")
        return SYSTEM_PYTHON
    prefix: Path = request.getfixturevalue("prefix")
    if request.param == "prefix":
        return prefix / "bin" / "python"
    folder = place / request.param.replace(" ", "-")
    if not folder.exists():
        copies = ["--copies"] if "copied" in request.param else []
        made = [prefix / "bin" / "python", "-m", "venv", "--without-pip", *copies, folder]
        subprocess.run(made, check=True)
    return folder / "bin" / "python"


@pytest.mark.parametrize("user", ["this", "nobody"])
@pytest.mark.parametrize("program", [SEARCH, USE], ids=["search", "use"])
def test_programs_see_the_interpreter_and_not_what_lies_beside_it(
    python: Path, place: Path, user: str, program: str
) -> None:
    """No file of other environments, of caches or of benchmarks is in sight, and what programs need is."""
    if user == "nobody" and (os.geteuid() != 0 or shutil.which("setpriv") is None):
        pytest.skip("becoming another user takes root and setpriv")
    command = [*(NOBODY if user == "nobody" else ()), python, "-c", RUN, program]

    done = subprocess.run(
        list(map(str, command)),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        cwd=place / "home",
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(place / "code"),
            "HOME": str(place / "home" / user),
            "TMPDIR": str(place / "home"),
        },
    )

    if done.stdout.startswith("refused") and "namespaces" in done.stdout:
        pytest.skip(done.stdout.strip())
    assert done.stdout.startswith("passed"), done


def test_an_environment_of_its_own_shows_its_packages_alone() -> None:
    """Of the harness's own packages only those of the environment are named."""
    plan = jail_plan(environment("core"))

    packages = [path for path in plan["read"] if "site-packages" in path or "dist-packages" in path]
    assert packages
    assert {Path(path).name for path in packages} <= {"numpy", "numpy.libs"}
