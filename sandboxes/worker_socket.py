"""A Unix socket between the host and the worker in a container, where both share a kernel and a file system.

Docker's attached streams pass through two more processes each way, which costs a program a third of a millisecond
twice. So the container is shown a folder with a socket, its worker connects, and the socket is removed before any
program runs: what stays visible is an empty folder that is read-only. Where the worker cannot connect (an engine on
another machine or in a virtual machine, SELinux) it says so over its standard output, and the attached streams serve.
"""

from __future__ import annotations

import socket
import tempfile
from pathlib import Path

from docker.types import Mount

SHOWN_AT = "/run/harness"
NAME = "worker"
REFUSED = b"-"
"""What the worker writes to its standard output if it cannot connect."""

BOOTSTRAP = f"""
import _socket, os
link = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
try:
    link.connect("{SHOWN_AT}/{NAME}")
    os.dup2(link.fileno(), 0)
    os.dup2(link.fileno(), 1)
except OSError:
    os.write(1, {REFUSED!r})
link.close()
del link
"""
"""What a worker runs first."""


class WorkerSocket:
    """A socket that waits for one worker; `close` removes it, and what `accept` returned stays open.

    Raises:
        OSError: there can be none here (the path of the temporary folder is too long).
    """

    def __init__(self) -> None:
        # nobody else may enter the outer folder; the inner one is shown to a root without the right to pass permissions
        self._folder = tempfile.TemporaryDirectory(prefix="evol-harness-", ignore_cleanup_errors=True)
        shown = Path(self._folder.name) / "shown"
        self.mount = Mount(target=SHOWN_AT, source=str(shown), type="bind", read_only=True)
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            shown.mkdir()
            shown.chmod(0o755)
            self._listener.bind(str(shown / NAME))
            (shown / NAME).chmod(0o666)
            self._listener.listen(1)
        except BaseException:
            self.close()
            raise

    def fileno(self) -> int:
        """Return the descriptor that is readable once the worker connects."""
        return self._listener.fileno()

    def accept(self) -> socket.socket:
        """Return the connection to the worker, which has connected."""
        connection, _ = self._listener.accept()
        return connection

    def close(self) -> None:
        """Remove the socket and its folder, so that nothing in the container can connect any more."""
        self._listener.close()
        self._folder.cleanup()
