"""Confinement of programs whose worker is an ordinary user's, beside root's: networks, other processes, memory."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import NOBODY

CONFINED = """
import json, os, socket, sys
from harness.sandboxes.environments import environment
from harness.sandboxes.inside import filters, jail
from harness.sandboxes.jail_plan import jail_plan
plan = jail_plan(environment("core")) | {"scratch": "/nowhere"}
split = sys.argv[1] == "split"
found = jail.enter(plan)
if not found["isolated"]:
    print(json.dumps(["refused"]))
    sys.exit()
jail.fence(found, plan, split)
seen = [found["filtered"]]
if os.fork() == 0:
    seen.append(jail.own_network())
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            with socket.socket(family) as server:
                server.bind(("localhost" if family == socket.AF_INET else "::1", 0))
                server.listen()
                with socket.socket(family) as client:
                    client.connect(server.getsockname())
            seen.append("connected")
        except OSError as error:
            seen.append(error.strerror)
    for attempt in (
        lambda: os.sched_setaffinity(1, {0}),
        lambda: os.setpriority(os.PRIO_PROCESS, 1, 1),
        lambda: os.setpriority(os.PRIO_USER, 0, 1),
        lambda: os.setxattr("/tmp", "user.word", b""),
        lambda: os.setpriority(os.PRIO_PROCESS, 0, 1),
        lambda: os.sched_setaffinity(0, os.sched_getaffinity(0)),
    ):
        try:
            attempt()
            seen.append("done")
        except OSError as error:
            seen.append(error.strerror)
    print(json.dumps(seen), flush=True)
    os._exit(0)
os.wait()
"""


@pytest.mark.parametrize("user", ["this", "nobody"])
@pytest.mark.parametrize("kind", ["split", "in-process"])
def test_a_program_has_a_network_of_its_own_or_none(place: Path, kind: str, user: str) -> None:
    """Split workers' programs get no sockets, others may talk to themselves; both change none but themselves."""
    python = python_for(user)

    done = subprocess.run(
        [*(NOBODY if user == "nobody" else ()), python, "-c", CONFINED, kind],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        cwd=place / "home",
        env={"PYTHONPATH": str(place / "code"), "HOME": str(place / "home"), "PATH": os.environ["PATH"]},
    )

    seen = done.stdout.strip()
    if seen == '["refused"]':
        pytest.skip("the kernel refuses namespaces")
    no = '"Operation not permitted"'
    network = f"false, {no}, {no}" if kind == "split" else 'true, "connected", "connected"'
    assert seen == f'[true, {network}, {no}, {no}, {no}, {no}, "done", "done"]', done


WITHOUT_ANYTHING = """
import os, sys
from harness.sandboxes.inside import filters
filters.DENIED["landlock_create_ruleset"] = (444, 444)
assert filters.install() == ""
os.execv(sys.argv[1], sys.argv[1:])
"""
"""Starts a command to which the kernel refuses namespaces and Landlock."""

UNSAFE = """
import sys
from harness.sandboxes import open_sandbox
from harness.types import Asserts, Program
judge = Asserts(tests="\\nassert add_one(1) == 2\\n", exposes=("add_one",), split=False)
program = Program(source=sys.argv[1], environment="core")
with open_sandbox("process", environment="core", workers=1, allow_unsafe=True) as sandbox:
    assert not any("Landlock" in line for line in sandbox._facts["enforced"])
    ((_, found),) = sandbox.run([("toy", program, judge)])
print(found.detail.splitlines()[0])
"""

READ_THE_WORKER = """
import os
def add_one(n):
    found = []
    for name in ("mem", "environ", "maps"):
        try:
            with open(f"/proc/{os.getppid()}/{name}", "rb"):
                found.append(name)
        except PermissionError:
            pass
    raise ValueError(found)
"""


def test_a_worker_of_the_same_user_cannot_be_read(place: Path) -> None:
    """Without namespaces and without Landlock an ordinary user's programs still do not open the worker's memory."""
    python = python_for("nobody")
    launch = [*NOBODY, python, "-c", WITHOUT_ANYTHING, python, "-c", UNSAFE, READ_THE_WORKER]
    home = str(place / "home")

    done = subprocess.run(
        launch,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        cwd=place / "home",
        env={"PYTHONPATH": str(place / "code"), "HOME": home, "TMPDIR": home, "PATH": os.environ["PATH"]},
    )

    assert done.stdout.strip() == "ValueError: []", done


def python_for(user: str) -> str:
    """An interpreter that `user` may run."""
    if user == "this":
        return sys.executable
    if os.geteuid() != 0 or shutil.which("setpriv") is None:
        pytest.skip("becoming another user takes root and setpriv")
    check = ["/usr/bin/python3", "-c", "import sys; sys.exit(sys.version_info < (3, 11))"]
    if not Path(check[0]).exists() or subprocess.run(check, check=False).returncode != 0:
        pytest.skip("no /usr/bin/python3 that the harness runs on")
    return check[0]
