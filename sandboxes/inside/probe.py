"""Probe what a program sees of its own confinement: run as one when a worker starts, raise the findings as JSON."""

import json
import os
import resource
from typing import Any, Dict


def probe() -> Dict[str, Any]:
    """Return JSON-ready facts about this process."""
    with open("/proc/self/status") as file:
        status = dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)
    with open("/proc/net/dev") as file:
        interfaces = [line.split(":")[0].strip() for line in file.read().splitlines()[2:]]
    limits = ("CPU", "AS", "FSIZE", "NOFILE", "CORE", "NPROC")
    return {
        "uid": os.getuid(),
        "capabilities": int(status["CapEff"], 16) | int(status["CapBnd"], 16) & int(status["CapPrm"], 16),
        "no_new_privs": status["NoNewPrivs"].strip() == "1",
        "seccomp": int(status.get("Seccomp", "0")),
        "interfaces": interfaces,
        "root_writable": os.access("/", os.W_OK),
        "others": [int(name) for name in os.listdir("/proc") if name.isdigit() and int(name) not in (1, os.getpid())],
        "opens_worker": _opens("/proc/%d/mem" % os.getppid()),
        "limits": {name: resource.getrlimit(getattr(resource, "RLIMIT_" + name))[1] for name in limits},
    }


def _opens(path: str) -> bool:
    try:
        with open(path, "rb"):
            return True
    except OSError:
        return False


raise RuntimeError(json.dumps(probe()))
