"""What confines a program beside its sandbox's walls: a system-call filter, Landlock, limits that were read back."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from harness.types import Limits, Sandbox, Status
from tests.commands import COMMAND, one_line_error, references

from .trials import trial

WITHOUT_NAMESPACES = """
import os, sys
from harness.sandboxes.inside import filters
assert filters.install() == ""
os.execv(sys.argv[1], sys.argv[1:])
"""
"""Starts a command to which the kernel refuses namespaces, as some machines do to everyone."""

HONEST = {
    "threads": """
import threading
def add_one(n):
    out = []
    threads = [threading.Thread(target=out.append, args=(n,)) for _ in range(4)]
    for one in threads: one.start()
    for one in threads: one.join()
    return out[3] + 1
""",
    "processes": """
import multiprocessing
def add_one(n):
    queue, lock = multiprocessing.Queue(), multiprocessing.Lock()
    def work():
        with lock:
            queue.put(n + 1)
    workers = [multiprocessing.Process(target=work) for _ in range(2)]
    for one in workers: one.start()
    values = [queue.get() for _ in workers]
    for one in workers: one.join()
    return values[1]
""",
    "subprocess": """
import subprocess
def add_one(n):
    return int(subprocess.run(["/bin/sh", "-c", f"echo $(({n} + 1))"], capture_output=True, text=True).stdout)
""",
    "numpy": """
import numpy as np
def add_one(n):
    a = np.random.rand(60, 60)
    assert np.allclose(np.linalg.inv(a) @ a, np.eye(60))
    return int(np.fft.ifft(np.fft.fft(np.array([n, n]))).real.round()[0]) + 1
""",
    "files": """
import mmap, os, pathlib, shutil, sqlite3, tempfile
def add_one(n):
    with tempfile.TemporaryDirectory() as folder:
        one = pathlib.Path(folder) / "a"
        one.write_text(str(n + 1))
        os.symlink(one, one.with_name("link"))
        os.rename(one, one.with_name("b"))
        shutil.copy(one.with_name("b"), one)
        with sqlite3.connect(one.with_name("db")) as db:
            db.execute("create table t (x)")
            db.execute("insert into t values (?)", (n + 1,))
            assert db.execute("select x from t").fetchone() == (n + 1,)
        with open(one, "r+b") as file, mmap.mmap(file.fileno(), 0) as view:
            return int(view[:])
""",
    "event loop": """
import asyncio, socket
async def later(n):
    await asyncio.sleep(0)
    return n + 1
def add_one(n):
    a, b = socket.socketpair()
    a.sendall(b"x"); assert b.recv(1) == b"x"
    return asyncio.run(later(n))
""",
}


@pytest.mark.parametrize("name", HONEST)
def test_what_honest_programs_do_is_not_refused(sandbox: Sandbox, name: str) -> None:
    """Threads, processes, files, event loops and numpy work under the filter and in the domain."""
    (verdict,) = sandbox.run([trial(HONEST[name], limits=Limits(cpu_time_s=20, wall_time_s=60))])

    assert verdict.status is Status.PASSED, verdict


def test_the_filter_and_landlock_are_named_among_what_is_enforced(sandbox: Sandbox) -> None:
    """Each stands in one of the two lists; the filter is in force wherever these tests run."""
    facts = sandbox.describe()

    assert any("system-call filter" in line for line in facts["enforced"])
    assert any("Landlock" in line for line in [*facts["enforced"], *facts["not_enforced"]])


def harness_without_namespaces(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", WITHOUT_NAMESPACES, *COMMAND, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.parametrize("verb", ["run", "score", "verify"])
def test_where_programs_could_reach_their_judge_the_sandbox_refuses(tmp_path: Path, verb: str) -> None:
    """Without namespaces: exit 3, one line that says why and what to do, and no run folder with verdicts."""
    file = references(tmp_path / "s.jsonl")
    arguments = {
        "run": ["run", f"replay:{file}", "-b", "humaneval", "--limit", "2", "--out", tmp_path / "out"],
        "score": ["score", file, "-b", "humaneval", "--out", tmp_path / "out"],
        "verify": ["verify", "humaneval"],
    }[verb]

    done = harness_without_namespaces(*arguments, "--sandbox", "process")

    assert done.returncode == 3, done
    assert "could reach their judge here (namespaces: the kernel refuses" in one_line_error(done)
    assert "--allow-unsafe" in one_line_error(done)


def test_an_unsafe_sandbox_has_to_be_asked_for_and_says_what_it_lacks(tmp_path: Path) -> None:
    """With --allow-unsafe the run is done, and what was not isolated is on its card."""
    file = references(tmp_path / "s.jsonl")
    run = ["run", f"replay:{file}", "-b", "humaneval", "--limit", "5", "--sandbox", "process", "--no-verify"]

    done = harness_without_namespaces(*run, "--allow-unsafe", "--out", tmp_path / "out")

    assert done.returncode == 0, done
    assert "5 of 5 problems" in done.stdout
    assert "not isolated (process)  namespaces: the kernel refuses them to this user" in " ".join(
        done.stdout.split(" ")
    )


REACH = """
import os, signal, socket
def add_one(n):
    reached = []
    for pid in (os.getppid(), int(open(f"/proc/{os.getppid()}/stat").read().split()[3])):
        for path in ("mem", "environ"):
            try:
                open(f"/proc/{pid}/{path}", "rb").read(1)
                reached.append(path)
            except OSError:
                pass
        try:
            os.kill(pid, 0)
            reached.append("signal")
        except OSError:
            pass
    try:
        os.listdir("/root")
        reached.append("home")
    except OSError:
        pass
    try:
        open("/tmp/planted-by-a-program", "w")
        reached.append("tmp")
    except OSError:
        pass
    raise ValueError(reached)
"""


def test_landlock_still_guards_files_and_processes_where_there_are_no_namespaces(tmp_path: Path) -> None:
    """A program in the unsafe sandbox reads no other process and writes only into its own folder."""
    code = f"""
from harness.sandboxes import open_sandbox
from tests.sandboxes.trials import trial
with open_sandbox("process", environment="core", workers=1, allow_unsafe=True) as sandbox:
    facts = sandbox.describe()
    (verdict,) = sandbox.run([trial({REACH!r})])
print(any("Landlock" in line and "signals" in line for line in facts["enforced"]), verdict.detail.splitlines()[0])
"""
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_NAMESPACES, sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        cwd=Path(__file__).parents[2],
    )

    landlock, _, reached = done.stdout.strip().partition(" ")
    if landlock == "False":
        pytest.skip("the kernel has no Landlock 6")
    assert reached == "ValueError: []", done


def test_what_is_promised_and_not_in_force_is_found_out() -> None:
    """A program looks for itself: where there are no namespaces, a promise of them does not hold."""
    code = """
from harness.sandboxes.environments import environment
from harness.sandboxes.link import Worker
from harness.sandboxes.process import ProcessLink, interpreter, jail_plan
from harness.sandboxes.selftest import not_in_force
core = environment("core")
link = ProcessLink(interpreter(core), {})
worker = Worker(link, jail=jail_plan(core) | {"scratch": link.scratch}, preload=())
print(not_in_force(worker, isolated=False, uids=False, filtered=True, nproc=32))
print(not_in_force(worker, isolated=True, uids=True, filtered=True, nproc=32))
worker.close()
"""
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_NAMESPACES, sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )

    held, broken = done.stdout.splitlines()
    assert held == "[]", done
    assert "no other processes in sight" in broken
