"""The `process` sandbox: no engine needed, isolation by the kernel's namespaces where it allows them.

The same worker as in Docker, run by an interpreter of this machine as PID 1 of its own namespaces, on
a read-only root that shows the interpreter, its standard library and the environment's packages and
nothing else of the machine. Where the kernel refuses namespaces only the limits per process remain;
`describe()` says which.
"""

from __future__ import annotations

import os
import select
import site
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ..errors import SandboxUnavailable
from ..types import Trial, Trust, Verdict
from .by_calls import expected_s
from .environments import Environment
from .environments import environment as environment_named
from .expected import Expected
from .link import BOOTSTRAP, LinkLost, Worker
from .pair import Pair
from .pool import Pool
from .selftest import not_in_force
from .venvs import python_of, settings_of

SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/etc/ld.so.cache", "/etc/localtime")
PROCESSES = 32


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

    def send(self, data: bytes) -> None:
        """As `Link.send`."""
        view = memoryview(data)
        try:
            while view:
                view = view[self._stdin.write(view) or 0 :]
        except OSError as error:
            raise LinkLost(f"the worker is gone: {error}") from error

    def receive(self, size: int, deadline: float) -> bytes:
        """As `Link.receive`."""
        chunks = []
        while size:
            ready, _, _ = select.select([self._stdout], [], [], max(0.0, deadline - time.monotonic()))
            if not ready:
                raise LinkLost("the worker stopped answering")
            chunk = os.read(self._stdout, min(size, 1 << 20))
            if not chunk:
                raise LinkLost("the worker ended")
            chunks.append(chunk)
            size -= len(chunk)
        return b"".join(chunks)

    def interrupt(self) -> None:
        """As `Link.interrupt`."""
        self._process.kill()

    def close(self) -> str:
        """As `Link.close`: the worker dies with its parent, and its namespace with the worker."""
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
    passes_verdicts = True

    def __init__(self, *, environment: str, workers: int, trust: Trust, allow_unsafe: bool) -> None:
        self._allow_unsafe = allow_unsafe
        self._environment = environment_named(environment)
        self._workers = workers
        self._trust = trust
        self._python = interpreter(self._environment)
        expected = Expected(f"process {sys.version} {environment}")
        self._pool = Pool(
            lambda _: Pair(self._start, expected, trust=trust, nproc=PROCESSES), workers, partial(expected_s, expected)
        )
        self._facts: Mapping[str, Any] = {}

    def __enter__(self) -> ProcessSandbox:
        self._facts = self._pool.open(self._environment.name).facts
        return self

    def __exit__(self, *exc: object) -> None:
        self._pool.close()

    def describe(self) -> Mapping[str, Any]:
        """As `Sandbox.describe`."""
        return {
            "sandbox": self.name,
            "environment": self._environment.name,
            "workers": self._workers,
            "trust": self._trust.value,
            "interpreter": self._python,
            "packages": versions_of(self._environment),
            "python": self._facts["facts"]["python"],
            "preloaded": self._facts["loaded"],
            "enforced": self._facts["enforced"],
            "not_enforced": self._facts["not_enforced"],
        }

    def run(self, trials: Iterable[Trial]) -> Iterator[Verdict]:
        """As `Sandbox.run`."""
        return self._pool.run(trials)

    def _start(self, environment: str, group: str) -> Worker:
        wanted = environment_named(environment)
        link = ProcessLink(interpreter(wanted), settings_of(wanted))
        try:
            plan = jail_plan(wanted) | {"scratch": link.scratch}
            worker = Worker(link, jail=plan, preload=wanted.preloads[group])
            self._check(worker)
        except LinkLost as error:
            raise LinkLost(f"{error} {link.close()}".strip()) from error
        except SandboxUnavailable:
            link.close()
            raise
        return worker

    def _check(self, worker: Worker) -> None:
        found = worker.facts
        if not found["isolated"] and not self._allow_unsafe:
            raise SandboxUnavailable(
                f'sandbox "process": programs could reach their judge here ({found["not_enforced"][0]}). '
                "Use --sandbox docker, or accept it with --allow-unsafe"
            )
        confined = {name: bool(found[name]) for name in ("isolated", "uids", "filtered")}
        missing = not_in_force(worker, nproc=PROCESSES, **confined)
        if missing:
            raise SandboxUnavailable(f'sandbox "process": not in force for a program: {", ".join(missing)}')


def interpreter(environment: Environment) -> str:
    """The Python of the environment's virtual environment, or the harness's own where that will do.

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
    """The versions of what its programs see of the harness's own packages; a virtual environment's are pinned."""
    return {} if python_of(environment) else {package: version(package) for package in environment.packages}


def clean_environment() -> dict[str, str]:
    """What a worker sees of the environment: nothing of the user's."""
    return {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "HOME": "/tmp",  # noqa: S108 - inside the sandbox
        "LANG": "C.UTF-8",
        "PYTHONHASHSEED": "0",
        "PYTHONDONTWRITEBYTECODE": "1",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
        "MPLBACKEND": "Agg",
    }


def jail_plan(environment: Environment) -> dict[str, Any]:
    """What the worker's root shows: an interpreter, and the environment's packages.

    Those lie in a virtual environment of their own, or are picked from the harness's by name.
    """
    python = python_of(environment)
    base = str(python.resolve().parent.parent) if python else str(Path(sys.base_prefix).resolve())
    read = [*SYSTEM, *([] if base.startswith("/usr") else [base]), *([str(python.parent.parent)] if python else [])]
    packages = environment.packages if python is None else ()
    hide = {path for path in sys.path if Path(path).name in {"site-packages", "dist-packages"}}
    hide.update(site.getsitepackages([base]))
    hide.add(sysconfig.get_path("platlib"))
    visible = [path for path in hide if Path(path).is_dir() or path.startswith(base)]
    return {
        "read": read,
        "hide": sorted(path for path in visible if Path(path).is_dir()),
        "show": [name for package in packages for name in (package, f"{package}.libs")],
        "tmp_bytes": 64 << 20,
        "inodes": 4096,
    }
