"""The `docker` sandbox: long-lived, hardened containers, one worker in each.

A container costs 0.2 s to start and a program 2 ms to run, so containers live as long as the run and
programs are forked inside them. Frames travel over a Unix socket that is gone before any program runs, or over the
attached standard streams: no network. What was asked of the engine is read back from inside before any program runs.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any

import requests.exceptions

from ..errors import SandboxUnavailable
from ..types import Key, Outcome, Trust, Work
from .docker_link import PIDS, DockerLink, EngineLost
from .engine import answers, await_engine, connect, reap_orphans
from .environments import environment as environment_named
from .expected import Expected
from .images import image_of
from .images.languages import languages_of
from .link import LinkLost, Role, Worker
from .pool import Pool
from .process import expected_seconds
from .selftest import not_in_force as not_in_force_for_programs
from .slot import Slot

OVERHEAD_BYTES = 512 << 20
"""Room beside a program for the worker, its imports and the scratch folders."""
RESTARTS = 5
"""Of the engine, while one container is started."""


class DockerSandbox:
    """See the module; `workers` containers run side by side.

    Raises:
        SandboxUnavailable: no engine, no image, or a limit that is not in force inside.
    """

    name = "docker"

    def __init__(self, *, environment: str, workers: int, trust: Trust, allow_unsafe: bool) -> None:
        del allow_unsafe  # a container without namespaces there is none
        self._environment = environment_named(environment)
        self._workers = workers
        self._trust = Trust.IN_PROCESS if self._environment.executes else trust
        self._client = connect()
        try:
            self._image = image_of(self._client, self._environment)
            self._cpus = usable_cpus(int(self._client.info()["NCPU"]))
        except BaseException:
            self._client.close()
            raise
        expected = Expected(f"docker {self._image.id}")
        self._pool = Pool(
            lambda number: Slot(self._starter(number), expected, trust=self._trust, nproc=None),
            workers,
            expected_seconds(expected),
        )
        self._facts: Mapping[str, Any] = {}

    def __enter__(self) -> DockerSandbox:
        try:
            reap_orphans(self._client)
            self._facts = self._pool.open(self._environment.name).facts
        except BaseException:
            self._client.close()
            raise
        return self

    def __exit__(self, *exc: object) -> None:
        self._pool.close()
        self._client.close()

    def describe(self) -> Mapping[str, Any]:
        """Implement `Sandbox.describe`."""
        facts = self._facts["facts"]
        return {
            "sandbox": self.name,
            "environment": self._environment.name,
            "workers": self._workers,
            "trust": self._trust.value,
            "image": self._image.tags[0],
            "image_digest": self._image.id,
            "engine": self._client.version()["Version"],
            "python": facts["python"],
            **({"versions": facts["versions"]} if self._environment.executes else {}),
            "preloaded": self._facts["loaded"],
            "peak_memory_bytes": self._pool.peak_memory_bytes,
            "enforced": [
                "no network; own pid, IPC and mount namespaces",
                f"read-only root; private /tmp of {self._environment.scratch_bytes >> 20} MB and /dev/shm of 64 MB",
                f"memory of all processes together {facts['memory_limit_bytes'] >> 20} MB, no swap",
                f"at most {facts['pids_limit']} processes",
                "a user id of its own, no capabilities and no new privileges per program",
                "Docker's default seccomp profile",
                *self._facts["enforced"],
                "CPU time, address space, file size and open files per program",
            ],
            "not_enforced": self._facts["not_enforced"],
        }

    def run(self, work: Iterable[Work]) -> Iterator[tuple[Key, Outcome]]:
        """Implement `Sandbox.run`."""
        return self._pool.run(work)

    def _starter(self, slot: int) -> Callable[[Role, str, str], Worker]:
        return partial(self._start, slot)

    def _start(self, slot: int, role: Role, environment: str, group: str) -> Worker:
        for _ in range(RESTARTS):
            await_engine(self._client)
            try:
                return self._start_once(slot, role, environment, group)
            except (EngineLost, requests.exceptions.RequestException):
                continue
            except LinkLost:
                # a container that dies as it starts: by its own fault, or with its engine
                if answers(self._client):
                    raise
        raise LinkLost(f"the engine went away {RESTARTS} times while a container was started")

    def _start_once(self, slot: int, role: Role, environment: str, group: str) -> Worker:
        wanted = environment_named(environment)
        found_image = image_of(self._client, wanted)
        if wanted.executes and group and group not in languages_of(found_image):
            raise SandboxUnavailable(
                f'sandbox "docker": the image of "{environment}" does not have {group}. '
                f"Run `harness sandbox build {environment} --only {group}`"
            )
        image = found_image.id
        assert image is not None
        memory_bytes = wanted.memory_bytes + OVERHEAD_BYTES
        cpu = self._cpus[slot % len(self._cpus)]
        link = DockerLink(self._client, image, cpu=cpu, memory_bytes=memory_bytes, environment=wanted)
        try:
            worker = Worker(link, role, jail=None, preload=wanted.preloads[group], execute=wanted.executes)
        except LinkLost as error:
            raise LinkLost(f"{error} {link.close()}".strip()) from error
        try:
            missing = not_in_force(worker.facts["facts"], memory_bytes) + not_in_force_for_programs(
                worker, isolated=True, uids=True, filtered=True, nproc=None
            )
        except LinkLost as error:
            raise LinkLost(f"{error} {worker.close()}".strip()) from error
        if missing:
            worker.close()
            raise SandboxUnavailable(f'sandbox "docker": not in force inside the container: {", ".join(missing)}')
        return worker


def usable_cpus(engine_cpus: int) -> list[int]:
    """Return the numbers of the CPUs that containers are pinned to: this process's own, or all of a larger machine's.

    An engine on another machine has CPUs of its own, of which this process's affinity says nothing.
    """
    own = sorted(os.sched_getaffinity(0))
    return own if own[-1] < engine_cpus else list(range(engine_cpus))


def not_in_force(facts: Mapping[str, Any], memory_bytes: int) -> list[str]:
    """Return what `confinement` promised and the worker does not see."""
    promised = {
        "no network": facts["interfaces"] in ([], ["lo"]),
        "read-only root": not facts["root_writable"],
        "no new privileges": facts["no_new_privs"],
        "dropped capabilities": int(facts["capabilities"] or "-1", 16) == 0b11100000,
        # the first is Docker's, the second ours
        "seccomp filters": facts["seccomp"] == 2 and facts["seccomp_filters"] in (None, 2),
        "memory limit": facts["memory_limit_bytes"] == memory_bytes,
        "process limit": facts["pids_limit"] == PIDS,
        "pid namespace": facts["pid"] == 1,
    }
    return [name for name, holds in promised.items() if not holds]
