"""What confines a program beside its sandbox's walls: a system-call filter, Landlock, limits that were read back."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.sandboxes import open_sandbox
from harness.types import Limits, Sandbox, Status
from tests.commands import COMMAND, one_line_error, references

from .problems import work_on
from .work import outcome, work

ATTACKS = Path(__file__).parent.parent / "attacks"

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
    "fifty threads": """
import threading
def add_one(n):
    ready, out = threading.Barrier(50), []
    def work():
        ready.wait()
        out.append(bytearray(1 << 20))
    threads = [threading.Thread(target=work) for _ in range(50)]
    for one in threads: one.start()
    for one in threads: one.join()
    return n + len(out) // 50
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
    found = outcome(sandbox, work(HONEST[name], limits=Limits(cpu_time_s=20, wall_time_s=60)))

    assert found.status is Status.PASSED, found


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
from tests.sandboxes.work import outcome, work
with open_sandbox("process", environment="core", workers=1, allow_unsafe=True) as sandbox:
    facts = sandbox.describe()
    found = outcome(sandbox, work({REACH!r}))
print(any("Landlock" in line and "signals" in line for line in facts["enforced"]), found.detail.splitlines()[0])
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
from harness.sandboxes.link import Role, Worker
from harness.sandboxes.jail_plan import jail_plan
from harness.sandboxes.process import ProcessLink, interpreter
from harness.sandboxes.selftest import not_in_force
core = environment("core")
link = ProcessLink(interpreter(core), {})
worker = Worker(link, Role.IN_PROCESS, jail=jail_plan(core) | {"scratch": link.scratch}, preload=())
print(not_in_force(worker, isolated=False, uids=False, filtered=True, nproc=128))
print(not_in_force(worker, isolated=True, uids=True, filtered=True, nproc=128))
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


FIND = {
    "leave_word_in_flow_labels": """
import socket
try:
    with open("/proc/net/ip6_flowlabel") as file:
        found = ["a label" for line in file if "12345" in line]
except OSError:
    found = []
try:
    socket.socket(socket.AF_INET6, socket.SOCK_DGRAM).close()
    found += ["a socket"]
except OSError:
    pass
""",
    "leave_word_in_the_worker": """
import os
found = [value for value in (os.getpriority(os.PRIO_PROCESS, 0), os.sched_getscheduler(0)) if value]
for pid in {1, os.getppid()}:
    with open(f"/proc/{pid}/limits") as file:
        found += [line for line in file if "open files" in line and " 77 " in line]
    with open(f"/proc/{pid}/stat") as file:
        found += [nice for nice in file.read().rpartition(")")[2].split()[16:17] if nice != "0"]
""",
    "leave_word_on_scratch": """
import os
found = []
for folder in ("/tmp", "/dev/shm"):
    status = os.stat(folder)
    found += [status] if status.st_mtime_ns or status.st_mode & 0o7777 != 0o1777 else []
    try:
        found += os.listxattr(folder)
    except OSError:
        pass
""",
}
"""What looks for the words that attacks leave: the list `found`."""


@pytest.fixture(scope="module", params=[pytest.param("docker", marks=pytest.mark.docker), "process"])
def one_worker(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    """A sandbox where programs run one after another in the same place."""
    if request.param == "docker":
        request.getfixturevalue("core_image")
    with open_sandbox(request.param, environment="core", workers=1) as sandbox:
        yield sandbox


@pytest.mark.parametrize("name", FIND)
def test_a_program_finds_no_word_of_the_one_before(one_worker: Sandbox, name: str) -> None:
    """The first leaves a value wherever it can, the second looks there."""
    writer = (ATTACKS / f"{name}.py").read_text(encoding="utf-8")
    reader = FIND[name] + "\nassert not found, found\ndef add_one(n):\n    return n + 1\n"

    written = outcome(one_worker, work_on("asserts", writer, key="writer", limits=Limits()))
    read = outcome(one_worker, work_on("asserts", reader, key="reader", limits=Limits()))

    assert written.status is Status.WRONG_ANSWER, written
    assert read.status is Status.PASSED, read
