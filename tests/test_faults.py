"""Whatever dies in the middle of a run, no sample is lost and none is scored wrongly.

Each test disturbs a run that goes on for some seconds, and compares what it came to, on its own or after the same
command again, with a run that nobody disturbed.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.benchmarks.humaneval import HumanEval
from tests.commands import harness, one_line_error, read_rows, start, wait_for_rows, write_rows
from tests.engines import PrivateEngine, private_engine

pytestmark = pytest.mark.slow
COUNT = 60
SLOW = "import time as _time\n_time.sleep(0.1)\n"
"""Before every program, so that a run lasts long enough to be disturbed."""


def samples(path: Path) -> Path:
    """Right and wrong solutions by turns."""
    rows = []
    for number, problem in enumerate(HumanEval().problems()[:COUNT]):
        body = problem.reference if number % 3 else "    return 'wrong'\n"
        rows.append({"task_id": problem.task_id, "solution": SLOW + problem.prompt + body})
    return write_rows(path, rows)


def command(file: Path, out: Path, sandbox: str) -> list[str]:
    arguments = ["score", str(file), "-b", "humaneval", "--sandbox", sandbox, "--no-cache", "--workers", "2"]
    return [*arguments, "--out", str(out)]


def statuses(out: Path) -> dict[str, str]:
    """By task; fails where a sample was judged twice for good or not at all."""
    rows = [row for row in read_rows(out / "verdicts.jsonl") if row["status"] != "infrastructure"]
    assert set(Counter(row["task_id"] for row in rows).values()) == {1}
    assert len(rows) == len(read_rows(out / "samples.jsonl")) == COUNT
    return {row["task_id"]: row["status"] for row in rows}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str], Any]:
    """The samples, their verdicts and the scores of a run that nobody disturbs."""
    folder = tmp_path_factory.mktemp("undisturbed")
    file = samples(folder / "s.jsonl")
    done = harness(*command(file, folder / "run", "process"))
    assert done.returncode == 0, done.stderr
    return file, statuses(folder / "run"), json.loads((folder / "run" / "scores.json").read_text())["scores"]


def finished(out: Path, undisturbed: tuple[Path, dict[str, str], Any]) -> None:
    """The run in `out` came to what it should."""
    _, verdicts, scores = undisturbed
    assert statuses(out) == verdicts
    assert json.loads((out / "scores.json").read_text())["scores"] == scores


def children(pid: int) -> list[int]:
    """The processes that `pid` started and that live."""
    found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    for task in Path(f"/proc/{pid}/task").iterdir():
        found += (task / "children").read_text().split()
    return sorted({int(child) for child in found})


def test_a_killed_worker_costs_no_sample(tmp_path: Path, undisturbed: tuple[Path, dict[str, str], Any]) -> None:
    """kill -9 of the oldest and the newest, candidates' or judges': the run goes on with new ones."""
    out = tmp_path / "run"
    running = start(*command(undisturbed[0], out, "process"))
    for count, which in ((5, 0), (20, -1), (35, 0)):
        wait_for_rows(out / "verdicts.jsonl", count, running)
        os.kill(children(running.pid)[which], signal.SIGKILL)
    _, errors = running.communicate(timeout=60)

    assert running.returncode == 0, errors
    finished(out, undisturbed)


def test_torn_journals_of_a_killed_harness_are_mended(
    tmp_path: Path, undisturbed: tuple[Path, dict[str, str], Any]
) -> None:
    """SIGKILL of the harness, its journals cut in the middle of a row: the same command completes the run."""
    out = tmp_path / "run"
    running = start(*command(undisturbed[0], out, "process"))
    wait_for_rows(out / "verdicts.jsonl", 10, running)
    running.kill()
    running.communicate()
    for name in ("verdicts.jsonl", "samples.jsonl"):
        journal = out / name
        journal.write_bytes(journal.read_bytes()[:-25])

    again = harness(*command(undisturbed[0], out, "process"))

    assert again.returncode == 0, again.stderr
    finished(out, undisturbed)


@pytest.fixture
def small_disk() -> Iterator[Path]:
    """A folder with room for a few hundred kilobytes."""
    if os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("mounting a small disk wants root")
    folder = Path(tempfile.mkdtemp(prefix="small-disk-"))
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", folder], check=True)
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)
    folder.rmdir()


def test_a_full_disk_is_said_and_the_run_goes_on_when_there_is_room(
    small_disk: Path, undisturbed: tuple[Path, dict[str, str], Any]
) -> None:
    """Exit 3 and one line; after some room is made the same command ends with the undisturbed scores."""
    out = small_disk / "run"
    full = harness(*command(undisturbed[0], out, "process"))
    subprocess.run(["mount", "-o", "remount,size=8m", small_disk], check=True)
    again = harness(*command(undisturbed[0], out, "process"))

    assert full.returncode == 3, full
    assert "the disk is full" in one_line_error(full)
    assert again.returncode == 0, again.stderr
    finished(out, undisturbed)


@pytest.mark.docker
def test_an_image_that_is_missing_is_said_before_anything_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, engine: PrivateEngine, undisturbed: tuple[Path, Any, Any]
) -> None:
    """Exit 3, the image and what builds it; nothing is scored."""
    monkeypatch.setenv("DOCKER_HOST", engine.address)
    image = engine.docker("images", "--format", "{{.Repository}}:{{.Tag}}").stdout.split()[0]
    engine.docker("tag", image, "kept:1")
    engine.docker("rmi", image)
    try:
        done = harness(*command(undisturbed[0], tmp_path / "run", "docker"))
    finally:
        engine.docker("tag", "kept:1", image)

    assert done.returncode == 3
    assert f'the image of environment "core" ({image}) is not built' in one_line_error(done)
    assert "harness sandbox build core" in one_line_error(done)


@pytest.fixture(scope="module")
def engine(core_image: str) -> Iterator[PrivateEngine]:
    """An engine that these tests may do anything to, with the core image in it."""
    from harness.sandboxes.images import tag_of

    with private_engine(tag_of("core")) as made:
        yield made


def containers(engine: PrivateEngine) -> list[str]:
    return engine.docker("ps", "-q").stdout.split()


def restart(engine: PrivateEngine) -> None:
    engine.stop()
    time.sleep(2)
    engine.start()


EAT_ALL = """
import mmap, sys
open(sys.argv[1], "w").write("0")
kept = []
while True:
    kept.append(mmap.mmap(-1, 64 << 20, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | mmap.MAP_POPULATE))
"""


def exhaust_memory(engine: PrivateEngine) -> None:
    """Use up a container's memory by a process beside the worker, which the kernel then kills: all ends with it."""
    victim = containers(engine)[0]
    worker = engine.docker("inspect", "--format", "{{.State.Pid}}", victim).stdout.strip()
    Path(f"/proc/{worker}/oom_score_adj").write_text("1000")
    eater = subprocess.Popen([sys.executable, "-c", EAT_ALL, control_group(worker) / "cgroup.procs"])
    deadline = time.monotonic() + 60
    while victim in containers(engine):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    eater.kill()
    eater.wait()


def control_group(pid: str) -> Path:
    """Where the memory of a process is counted: cgroup v1's controller of its own, or v2."""
    for line in Path(f"/proc/{pid}/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers == "memory":
            return Path("/sys/fs/cgroup/memory" + path)
    return Path("/sys/fs/cgroup" + path)


DISTURBANCES: dict[str, Callable[[PrivateEngine], object]] = {
    "docker kill": lambda engine: engine.docker("kill", containers(engine)[0]),
    "a container runs out of memory": exhaust_memory,
    "docker pause": lambda engine: engine.docker("pause", containers(engine)[0]),
    "docker rm -f of all": lambda engine: engine.docker("rm", "-f", *containers(engine), check=False),
    "the engine is restarted": restart,
}


@pytest.mark.docker
@pytest.mark.parametrize("what", DISTURBANCES)
def test_a_run_in_docker_survives(
    tmp_path: Path, engine: PrivateEngine, undisturbed: tuple[Path, dict[str, str], Any], what: str
) -> None:
    """The same command, once, ends with the undisturbed scores; no container is left."""
    out = tmp_path / "run"
    running = start(*command(undisturbed[0], out, "docker"), environment=engine.environment)
    wait_for_rows(out / "verdicts.jsonl", 8, running)

    DISTURBANCES[what](engine)
    _, errors = running.communicate(timeout=120)

    assert running.returncode == 0, errors
    finished(out, undisturbed)
    assert containers(engine) == []
