"""Training in a process of its own, which gives all its memory back and ends with the one that asked for it.

The process reads a job file (the values of a `TrainingConfig`), trains, and leaves an error in words beside it. Its
standard input is a pipe whose other end this process holds: when that closes, however, it ends at once, so that
what a killed loop began does not go on behind the back of the next one. Its standard output is a pipe as well: the
lines that it tells are told here; what it says on standard error, such as a crash, is not touched.
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
    """Train as `values` say; `launcher` is what starts Python modules instead of this interpreter, with its flags.

    `tell` gets the training's lines.

    Raises:
        ModelError: it failed, or was killed; with the training's own words and exit code.
    """
    write_json(job, dict(values))
    told = job.with_suffix(ERROR)
    told.unlink(missing_ok=True)
    command = [*(launcher or (sys.executable,)), "-m", MODULE, str(job)]
    status = _run_process(command, tell)
    if told.exists():
        found = json.loads(told.read_text(encoding="utf-8"))
        raise ModelError(found["error"], exit_code=found["exit_code"])
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
    """End what a launcher left behind; only then are there no more lines."""
    assert process.stdin is not None
    process.wait()
    process.stdin.close()


def main(job: Path) -> int:
    """Train what `job` says; the exit status."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    # Ctrl-C reaches the whole terminal; whoever started this says what becomes of it, in one line.
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
