"""Programs of other languages: files that commands build and run, one command after another.

The worker itself reaps each command, so the exit code is the kernel's word. A command is the forked child turned into
it: `prepare` writes the files into a folder of their own in the scratch, then `run_command` replaces the process.

A program writes a mark as its last act, by which an early exit shows. It is drawn anew for each program, and put into
its text here, so that equal programs are equal to the host. What it is can be read there: no forger is stopped by it.
"""

import os
import resource
import signal
from typing import Any, Dict, List, NoReturn, Optional, Tuple

from . import frames, regions

MARK_PATH, MARK_TOKEN = "/dev/shm/mark-EVOLHARNESSMARK0", "EVOLHARNESSMARKTOKENEVOLHARNESS0"
"""What stands in a program until it is written, as long as what takes its place: it may be compiled by then."""
FOLDER = "program"
NOT_STARTED = 126
"""Exit code of a command that could not be executed, as of a shell."""


class Mark:
    """A file that a program's last act writes to. The worker owns it, so that no program can remove it."""

    def __init__(self) -> None:
        self.token = os.urandom(16).hex()
        self.path = "/dev/shm/mark-" + os.urandom(8).hex()
        self._fd = os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600)
        os.fchmod(self._fd, 0o622)

    def take(self) -> bool:
        """Tell whether the program wrote it, and remove the file."""
        try:
            return os.pread(self._fd, 100, 0) == self.token.encode("ascii")
        finally:
            os.close(self._fd)
            try:
                os.unlink(self.path)
            except OSError:  # a program of the worker's own user may have done so
                pass


def prepare(names: List[str], files: List[bytes], mark: Dict[str, str]) -> None:
    """Write the files of a program into a folder of its own, with its mark."""
    os.mkdir(FOLDER, 0o700)
    for name, data in zip(names, files):
        path = os.path.join(FOLDER, *[part for part in name.split("/") if part not in ("", ".", "..")])
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "xb") as file:
            text = data.replace(MARK_PATH.encode(), mark["path"].encode())
            file.write(text.replace(MARK_TOKEN.encode(), mark["token"].encode()))


def run_command(step: Dict[str, Any]) -> NoReturn:
    """Become the command of a step: it has standard input, output and errors, and nothing else of this process."""
    os.chdir(FOLDER)
    for number in (signal.SIGPIPE, signal.SIGXFSZ):  # Python ignores them, and a command would inherit that
        signal.signal(number, signal.SIG_DFL)
    path, options = step["if_present"]
    command = [*step["command"], *(options if path and os.path.exists(path) else ())]
    os.closerange(3, resource.getrlimit(resource.RLIMIT_NOFILE)[0])
    try:
        os.execvpe(command[0], command, {**os.environ, **select_variables(step["variables"])})
    except (OSError, ValueError) as error:
        os.write(2, ("%s: %s" % (command[0], error)).encode("utf-8", "replace"))
    os._exit(NOT_STARTED)


def select_variables(variables: Dict[str, str]) -> Dict[str, str]:
    """Return variables without those whose value is a path that is not there: some only an image has."""
    return {name: value for name, value in variables.items() if value[:1] != "/" or os.path.exists(value)}


def pack_outputs(report: regions.Region, outputs: List[regions.Region]) -> memoryview:
    """Put what a command printed to each stream into `report`, as chunks, and return them; no object holds any."""
    report.clear()
    for output in outputs:
        start, end = report.used + frames.CHUNK.size, report.used + frames.CHUNK.size + output.used
        frames.CHUNK.pack_into(report.view, report.used, output.used)
        report.view[start:end] = output.view[: output.used]
        report.used = end
    return report.view[: report.used]


def exit_code(status: int) -> int:
    """Return a wait status as a shell does: the code, or 128 and the signal's number."""
    return 128 + os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)


def outcome(started: bool, stopped: Optional[Tuple[str, str]], status: int) -> Tuple[str, str]:
    """Return (status, detail) of a command: "ended", whatever its code, or why its worker stopped it."""
    if not started:
        return "infrastructure", "the command did not start"
    if stopped is not None:
        return stopped
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGXCPU:
        return "timeout", "over the CPU-time limit"
    return "ended", ""
