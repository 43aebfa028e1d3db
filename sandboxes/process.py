"""The `process` sandbox: no engine needed, isolation by the kernel's namespaces where it allows them.

The same worker as in Docker, run by an interpreter of this machine as PID 1 of its own namespaces, on
a read-only root that shows the interpreter, its standard library and the environment's packages and
nothing else of the machine. Where the kernel refuses namespaces only the limits per process remain;
`describe()` says which.
"""

from __future__ import annotations

import os
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from importlib.metadata import version
from typing import Any

from ..errors import SandboxUnavailable
from ..types import Judge, Key, Outcome, Trust, Work
from .environments import Environment
from .environments import environment as environment_named
from .expected import Expected
from .jail_plan import PROCESSES, jail_plan
from .judges import kind_of
from .link import BOOTSTRAP, LinkLost, Role, Worker
from .pool import Pool
from .selftest import not_in_force
from .slot import Slot
from .tools import check_tools, tool_versions
from .venvs import python_of, settings_of


class ProcessLink:
    """A worker as a child process, frames over its pipes; `scratch` is removed with it."""

    def __init__(self, python: str, settings: Mapping[str, str]) -> None:
        self._scratch = tempfile.TemporaryDirectory(prefix="evol-harness-", ignore_cleanup_errors=True)
        self.scratch = self._scratch.name
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the link
        self._process = subprocess.Popen(
            [python, "-s", "-c", BOOTSTRAP],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env={**clean_environment(), **settings},
            cwd="/",
            start_new_session=True,
            bufsize=0,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._stdin, self._stdout = self._process.stdin, self._process.stdout.fileno()
        self._poll = select.poll()  # select(2) fails beyond 1,024 descriptors
        self._poll.register(self._stdout, select.POLLIN)

    def send(self, data: bytes) -> None:
        """Implement `Link.send`."""
        view = memoryview(data)
        try:
            while view:
                view = view[self._stdin.write(view) or 0 :]
        except OSError as error:
            raise LinkLost(f"the worker is gone: {error}") from error

    def receive(self, size: int, deadline: float) -> bytes:
        """Implement `Link.receive`."""
        chunks = []
        while size:
            if not self._poll.poll(1000 * max(0.0, deadline - time.monotonic())):
                raise LinkLost("the worker stopped answering")
            chunk = os.read(self._stdout, min(size, 1 << 20))
            if not chunk:
                raise LinkLost("the worker ended")
            chunks.append(chunk)
            size -= len(chunk)
        return b"".join(chunks)

    def interrupt(self) -> None:
        """Implement `Link.interrupt`."""
        self._process.kill()

    def close(self) -> str:
        """Implement `Link.close`: the worker dies with its parent, and its namespace with the worker."""
        self._process.kill()
        self._process.wait()
        self._stdin.close()
        assert self._process.stdout is not None
        self._process.stdout.close()
        self._errors.seek(0)
        text = self._errors.read()[-2000:].decode("utf-8", "replace").strip()
        self._errors.close()
        self._scratch.cleanup()
        return text.splitlines()[-1] if text else ""


class ProcessSandbox:
    """See the module; `workers` run side by side.

    Raises:
        SandboxUnavailable: a worker does not start, a limit is not in force, or programs could reach their judge
            and `allow_unsafe` does not say that they may.
    """

    name = "process"

    def __init__(self, *, environment: str, workers: int, trust: Trust, allow_unsafe: bool) -> None:
        self._allow_unsafe = allow_unsafe
        self._environment = environment_named(environment)
        self._workers = workers
        self._trust = Trust.IN_PROCESS if self._environment.executes else trust
        self._python = interpreter(self._environment)
        expected = Expected(f"process {sys.version} {environment}")
        self._pool = Pool(
            lambda _: Slot(self._start, expected, trust=self._trust, nproc=PROCESSES),
            workers,
            expected_seconds(expected),
        )
        self._facts: Mapping[str, Any] = {}

    def __enter__(self) -> ProcessSandbox:
        self._facts = self._pool.open(self._environment.name).facts
        return self

    def __exit__(self, *exc: object) -> None:
        self._pool.close()

    def describe(self) -> Mapping[str, Any]:
        """Implement `Sandbox.describe`."""
        return {
            "sandbox": self.name,
            "environment": self._environment.name,
            "workers": self._workers,
            "trust": self._trust.value,
            "interpreter": self._python,
            "packages": versions_of(self._environment),
            "python": self._facts["facts"]["python"],
            **({"versions": tool_versions()} if self._environment.executes else {}),
            "preloaded": self._facts["loaded"],
            "enforced": self._facts["enforced"],
            "not_enforced": self._facts["not_enforced"],
        }

    def run(self, work: Iterable[Work]) -> Iterator[tuple[Key, Outcome]]:
        """Implement `Sandbox.run`."""
        return self._pool.run(work)

    def _start(self, role: Role, environment: str, group: str) -> Worker:
        wanted = environment_named(environment)
        if wanted.executes and group:
            check_tools(group)
        link = ProcessLink(interpreter(wanted), settings_of(wanted))
        try:
            plan = jail_plan(wanted, group) | {"scratch": link.scratch}
            worker = Worker(link, role, jail=plan, preload=wanted.preloads[group], execute=wanted.executes)
            self._check(worker)
        except LinkLost as error:
            raise LinkLost(f"{error} {link.close()}".strip()) from error
        except SandboxUnavailable:
            link.close()
            raise
        return worker

    def _check(self, worker: Worker) -> None:
        facts = worker.facts
        if not facts["isolated"] and not self._allow_unsafe:
            raise SandboxUnavailable(
                f'sandbox "process": programs could reach their judge here ({facts["not_enforced"][0]}). '
                "Use --sandbox docker, or accept it with --allow-unsafe"
            )
        confined = {name: bool(facts[name]) for name in ("isolated", "uids", "filtered")}
        missing = not_in_force(worker, nproc=PROCESSES, **confined)
        if missing:
            raise SandboxUnavailable(f'sandbox "process": not in force for a program: {", ".join(missing)}')


def expected_seconds(expected: Expected) -> Callable[[Judge], float]:
    """Return what tells how long a judge's program is expected to take, from what references took."""
    return lambda judge: kind_of(judge).seconds(judge, expected)


def interpreter(environment: Environment) -> str:
    """Return the Python of the environment's virtual environment, or the harness's own if that will do.

    Raises:
        SandboxUnavailable: the environment needs one and it is not built.
    """
    python = python_of(environment)
    if python is None and environment.needs_venv:
        raise SandboxUnavailable(
            f'sandbox "process": the virtual environment of "{environment.name}" is not built. '
            f"Run `harness sandbox build {environment.name}`"
        )
    return str(python or sys.executable)


def versions_of(environment: Environment) -> dict[str, str]:
    """Return the versions of the harness's own packages that programs see; a virtual environment's are pinned."""
    return {} if python_of(environment) else {package: version(package) for package in environment.packages}


def clean_environment() -> dict[str, str]:
    """Return what a worker sees of the environment: nothing of the user's."""
    return {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "HOME": "/tmp",  # noqa: S108 - inside the sandbox
        "LANG": "C.UTF-8",
        "PYTHONHASHSEED": "0",
        "PYTHONDONTWRITEBYTECODE": "1",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
        # an arena per thread takes 128 MB of address space
        "MALLOC_ARENA_MAX": "2",
        "MPLBACKEND": "Agg",
    }
