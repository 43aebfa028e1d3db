"""The command line as users start it, and samples files to give it."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from harness.benchmarks.humaneval import HumanEval

COMMAND = [sys.executable, "-m", "harness"]
LIMIT_S = 900
"""For what would never end; a busy machine takes minutes to load a checkpoint."""


def harness(
    *arguments: str | Path, cwd: Path | None = None, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run `harness` to its end."""
    return subprocess.run(
        [*COMMAND, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
        cwd=cwd,
        env=environment,
    )


def start(*arguments: str | Path, environment: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
    """Start `harness` in a process group of its own, as from a terminal: a job in the background ignores Ctrl-C."""
    return subprocess.Popen(
        ["env", "--default-signal=INT", *COMMAND, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env=environment,
    )


def wait_for_rows(file: Path, count: int, process: subprocess.Popen[str], within_s: float = 90) -> None:
    """Until `file` has so many rows; fails when the process ends before."""
    deadline = time.monotonic() + within_s
    while not (file.exists() and file.read_bytes().count(b"\n") >= count):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline, f"{file} never had {count} rows"
        time.sleep(0.02)


def write_rows(path: Path, rows: Iterable[Mapping[str, Any]]) -> Path:
    """`rows` as JSON lines."""
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def read_rows(path: Path) -> list[dict[str, Any]]:
    """The JSON lines of `path`."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def references(path: Path, samples: int = 1) -> Path:
    """HumanEval's reference solutions as a samples file, `samples` rows of each problem."""
    rows = [
        {"task_id": problem.task_id, "completion": problem.reference}
        for problem in HumanEval().problems()
        for _ in range(samples)
    ]
    return write_rows(path, rows)


def one_line_error(result: subprocess.CompletedProcess[str]) -> str:
    """The error of a command that failed; fails unless it is the last line of stderr, and no traceback."""
    assert "Traceback" not in result.stderr, result.stderr
    *_, last = result.stderr.splitlines()
    assert last.startswith("error: "), result.stderr
    return last
