"""Train in a subprocess, which returns all its memory and ends with its parent.

The subprocess reads a job file (the values of a `TrainingConfig`), trains, and writes an error's text beside it. Its
standard input is a pipe from the parent. The subprocess ends when that pipe closes, so no training outlives a killed
loop. Its standard output is a pipe as well, whose lines are passed on; its standard error is left alone.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..errors import INFRASTRUCTURE, HarnessError, ModelError
from ..store import write_json

MODULE = "harness.loop.training_process"
ERROR = ".error"


def train_in_subprocess(
    values: Mapping[str, Any], job: Path, launcher: Sequence[str] = (), *, tell: Callable[[str], None]
) -> None:
    """Train with `values` in a subprocess, and pass its lines to `tell`.

    `launcher` is the command, with its flags, that starts Python modules; the default is this interpreter.

    Raises:
        ModelError: it failed, or was killed; with the training's own message and exit code.
    """
    write_json(job, dict(values))
    error_file = job.with_suffix(ERROR)
    error_file.unlink(missing_ok=True)
    command = [*(launcher or (sys.executable,)), "-m", MODULE, str(job)]
    status = _run_process(command, tell)
    if error_file.exists():
        error = json.loads(error_file.read_text(encoding="utf-8"))
        raise ModelError(error["error"], exit_code=error["exit_code"])
    if status:
        how = f"was ended by signal {signal.Signals(-status).name}" if status < 0 else f"ended with status {status}"
        raise ModelError(
            f"the training's process {how}; the same command goes on from its last saved state",
            exit_code=INFRASTRUCTURE,
        )
    job.unlink(missing_ok=True)


def _run_process(command: Sequence[str], tell: Callable[[str], None]) -> int:
    try:
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8", errors="replace"
        )
    except OSError as error:
        raise ModelError(f"training cannot be started by {command[0]}: {error.strerror or error}") from error
    assert process.stdout is not None
    waiting = threading.Thread(target=_wait_and_close, args=(process,), daemon=True)
    waiting.start()
    try:
        for line in process.stdout:
            tell(line.rstrip("\n"))
    except BaseException:
        process.kill()
        raise
    finally:
        waiting.join()
        process.stdout.close()
    return process.returncode


def _wait_and_close(process: subprocess.Popen[str]) -> None:
    """End what a launcher left behind, so that the stream of lines ends."""
    assert process.stdin is not None
    process.wait()
    process.stdin.close()


def main(job: Path) -> int:
    """Train with the values of the file `job`, and return the exit status."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    # Ctrl-C reaches the whole terminal; the parent reports it, in one line.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    from ..finetune.config import build_training_config
    from ..finetune.train import finetune
    from ..progress.streams import duplicate_stream

    try:
        with duplicate_stream(sys.stdout) as lines:
            config = build_training_config(json.loads(job.read_text(encoding="utf-8")))
            finetune(config, tell=lambda line: print(line, file=lines, flush=True))
    except HarnessError as error:
        write_json(job.with_suffix(ERROR), {"error": str(error), "exit_code": error.exit_code})
        return error.exit_code
    return 0


def _end_with_parent() -> None:
    # Nothing is ever written to the pipe: the read returns when its other end is closed.
    os.read(0, 1)
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
