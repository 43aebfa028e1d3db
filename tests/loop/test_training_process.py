"""Training in a subprocess: its lines and errors come back, and it does not outlive its parent."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from harness.errors import INFRASTRUCTURE, USAGE, ModelError
from harness.loop.training_process import MODULE, train_in_subprocess

VALUES = {"base": "nowhere", "data": "rows.jsonl", "out": "checkpoint"}


def test_a_setting_that_does_not_fit_comes_back_in_words(tmp_path: Path) -> None:
    """With the exit code of the user's fault."""
    with pytest.raises(ModelError, match="epochs is 0; it must be greater than 0") as failed:
        train_in_subprocess({**VALUES, "epochs": 0}, tmp_path / "job.json", tell=print)
    assert failed.value.exit_code == USAGE


def test_a_process_that_dies_is_the_machines_fault(tmp_path: Path) -> None:
    """The message says how it ended, and that the same command goes on."""
    program = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
    with pytest.raises(ModelError, match="was ended by signal SIGKILL; the same command goes on") as failed:
        train_in_subprocess(VALUES, tmp_path / "job.json", (sys.executable, "-c", program), tell=print)
    assert failed.value.exit_code == INFRASTRUCTURE
    with pytest.raises(ModelError, match="ended with status 7"):
        train_in_subprocess(VALUES, tmp_path / "job.json", (sys.executable, "-c", "raise SystemExit(7)"), tell=print)


def test_a_launcher_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="training cannot be started by no-such-launcher: No such file"):
        train_in_subprocess(VALUES, tmp_path / "job.json", ("no-such-launcher", "launch"), tell=print)


def test_the_launcher_is_given_the_module_and_the_job(tmp_path: Path) -> None:
    """As `accelerate launch FLAGS -m MODULE JOB` wants it; the job has the values."""
    program = (
        "import json, sys; print(json.dumps([sys.argv[1:], json.load(open(sys.argv[3]))]), file=open('told', 'w'))"
    )
    here = Path.cwd()
    os.chdir(tmp_path)
    try:
        train_in_subprocess(VALUES, tmp_path / "job.json", (sys.executable, "-c", program), tell=print)
    finally:
        os.chdir(here)
    assert json.loads((tmp_path / "told").read_text()) == [["-m", MODULE, str(tmp_path / "job.json")], VALUES]


def test_its_lines_are_told_and_its_errors_stay_where_they_are(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Whoever asked decides what becomes of the lines; a crash is seen even so."""
    program = "import sys; print('step 1/2'); print('step 2/2'); print('a crash', file=sys.stderr)"
    told: list[str] = []
    train_in_subprocess(VALUES, tmp_path / "job.json", (sys.executable, "-c", program), tell=told.append)
    assert told == ["step 1/2", "step 2/2"]
    assert capfd.readouterr() == ("", "a crash\n")


def test_a_launcher_that_is_killed_takes_along_what_it_started(tmp_path: Path) -> None:
    """A training that goes on under a dead launcher would keep its lines open for ever."""
    job = tmp_path / "job"  # that nobody writes
    os.mkfifo(job)
    begun = f"import os, signal, subprocess, sys; subprocess.Popen([sys.executable, '-m', '{MODULE}', '{job}'])"
    program = f"{begun}; os.kill(os.getpid(), signal.SIGKILL)"
    with pytest.raises(ModelError, match="was ended by signal SIGKILL"):
        train_in_subprocess(VALUES, tmp_path / "job.json", (sys.executable, "-c", program), tell=print)


def test_the_process_ends_when_its_parent_lets_go(tmp_path: Path) -> None:
    """Whatever it is doing: here it waits for a job that nobody writes."""
    job = tmp_path / "job"
    os.mkfifo(job)
    process = subprocess.Popen([sys.executable, "-m", MODULE, str(job)], stdin=subprocess.PIPE)
    assert process.stdin is not None
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(timeout=2)
    process.stdin.close()
    assert process.wait(timeout=30) == -signal.SIGKILL
