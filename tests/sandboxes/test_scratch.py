"""The scratch folder after programs that leave what is hard to remove: empty again, and as it was."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.sandboxes.inside import scratch
from harness.sandboxes.inside.scratch import Scratch

ATTACKS = Path(__file__).parent.parent / "attacks"
PROGRAM_UID = 23456
LEAVE = {name: (ATTACKS / f"{name}.py").read_text() for name in ("nest_locked_folders", "lock_a_hundred_folders")} | {
    "a wide tree": """
import os
for outer in range(40):
    for inner in range(40):
        os.makedirs(f"{outer}/{inner}/x")
""",
    "links to folders": """
import os
os.mkdir("a")
os.symlink("a", "link")
os.symlink(os.path.abspath(".."), "a/up")
os.symlink("nowhere", "a/nowhere")
os.chmod("a", 0o1555)
""",
    "nothing": "",
    "only what a listing leaves": "import os; os.listdir('.')",
    "a file that is gone": "import os; open('x', 'w').close(); os.unlink('x')",
}


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder open to all, as scratch folders are; beside it a file that has to stay."""
    memory = "/dev/shm" if Path("/dev/shm").is_dir() else None  # as real scratch folders: no disk that others keep busy
    with tempfile.TemporaryDirectory(dir=memory) as name:
        Path(name).chmod(0o755)
        (Path(name) / "stays").write_text("here")
        made = Path(name) / "scratch"
        made.mkdir()
        made.chmod(0o1777)
        yield made
        assert (Path(name) / "stays").read_text() == "here"


@pytest.mark.parametrize("name", LEAVE)
def test_whatever_a_program_leaves_is_removed(folder: Path, name: str) -> None:
    """By the program's own user if it has one; the mode and times are put back."""
    uid = PROGRAM_UID if os.geteuid() == 0 else None
    area = Scratch([str(folder)])
    user = {} if uid is None else {"user": uid, "group": uid, "extra_groups": ()}
    python = shutil.which("python3", path="/usr/bin") or sys.executable
    subprocess.run([python, "-c", LEAVE[name]], cwd=folder, check=True, **user)  # type: ignore[call-overload]

    assert area.clean(uid)

    assert_as_new(folder)


OWN_USER = """
import os, subprocess, sys
code, folder, program = sys.argv[1:]
sys.path.insert(0, code)
import scratch
area = scratch.Scratch([folder])
subprocess.run([sys.executable, "-c", program], cwd=folder, check=True)
os.chmod(folder, 0)
assert area.clean(None)
"""


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("setpriv"), reason="becoming another user takes root")
@pytest.mark.skipif(not Path("/usr/bin/python3").exists(), reason="no Python that every user may run")
@pytest.mark.parametrize("name", LEAVE)
def test_worker_and_program_may_be_one_user(folder: Path, name: str) -> None:
    """An ordinary user removes it all too, from a folder that the program locked."""
    code = folder.parent / "code"
    code.mkdir()
    shutil.copy(scratch.__file__, code)
    os.chown(folder, 65534, 65534)
    command = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "/usr/bin/python3", "-c", OWN_USER]

    subprocess.run([*command, str(code), str(folder), LEAVE[name]], check=True, timeout=60)

    assert_as_new(folder)


def test_a_folder_that_is_gone_is_not_clean(folder: Path) -> None:
    """It does not raise: the worker is replaced then."""
    area = Scratch([str(folder)])
    folder.rmdir()

    assert not area.clean(None)


def assert_as_new(folder: Path) -> None:
    status = folder.stat()
    assert status.st_mtime_ns == status.st_atime_ns == 0
    assert status.st_mode & 0o7777 == 0o1777
    assert list(folder.iterdir()) == []
