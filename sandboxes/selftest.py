"""Are the promised limits in force? A program of ours looks from where candidates will, before any of them runs."""

from __future__ import annotations

import json
import resource
from collections.abc import Mapping
from dataclasses import asdict
from importlib.resources import files
from typing import Any

from ..types import Limits
from .inside import frames
from .link import LinkLost, Worker

LIMITS = Limits()


def not_in_force(worker: Worker, *, isolated: bool, uids: bool, filtered: bool, nproc: int | None) -> list[str]:
    """Return what a program of this worker should be confined by, and is not.

    Raises:
        LinkLost: the worker ran no program.
    """
    seen = _probe(worker, nproc)
    limits = seen["limits"]
    cpu_time_s = int(LIMITS.cpu_time_s) + 2
    promised = {
        "no capabilities": seen["capabilities"] == 0,
        "no new privileges": seen["no_new_privs"],
        "CPU-time limit": limits["CPU"] == cpu_time_s,
        "address-space limit": LIMITS.memory_bytes <= limits["AS"] != resource.RLIM_INFINITY,
        "file-size limit": limits["FSIZE"] == LIMITS.output_bytes,
        "open-files limit": limits["NOFILE"] == 256,
        "no core dumps": limits["CORE"] == 0,
        "process limit": nproc is None or limits["NPROC"] == nproc,
        "system-call filter": not filtered or seen["seccomp"] == 2,
        "a user id of its own": not uids or seen["uid"] >= 20000,
    }
    if isolated:
        promised |= {
            "no network": seen["interfaces"] in ([], ["lo"]),
            "read-only root": not seen["root_writable"],
            "no other processes in sight": seen["others"] == [],
            "worker's memory out of reach": not seen["opens_worker"],
        }
    return [name for name, holds in promised.items() if not holds]


def _probe(worker: Worker, nproc: int | None) -> Mapping[str, Any]:
    program = (files(__package__) / "inside" / "probe.py").read_text(encoding="utf-8")
    fields = {"limits": asdict(LIMITS) | {"nproc": nproc}, "max_report": 65536}
    answer = worker.request("program", fields, blobs=[frames.prefix_length(program.encode("utf-8"))])
    _, start, rest = str(answer["detail"]).partition("RuntimeError: ")
    if not start:
        raise LinkLost(f"the self-test ended with {answer['status']}: {answer['detail']}")
    seen: Mapping[str, Any] = json.loads(rest.partition("\n")[0])
    return seen
