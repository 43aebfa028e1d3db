"""What this process can see of its own confinement, read back rather than believed.

The host compares these with what it asked for and refuses to run programs where a promised limit is
not in force.
"""

import os
import socket
import sys
from typing import Any, Dict, Optional, Tuple

OOM_COUNTERS = ("/sys/fs/cgroup/memory.events", "/sys/fs/cgroup/memory/memory.oom_control")
MEMORY_PEAKS = ("/sys/fs/cgroup/memory.peak", "/sys/fs/cgroup/memory/memory.max_usage_in_bytes")
MEMORY_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")
PID_LIMITS = ("/sys/fs/cgroup/pids.max", "/sys/fs/cgroup/pids/pids.max")


def oom_kills() -> int:
    """How many processes of this control group the kernel has killed for memory (0 where unknown).

    `State.OOMKilled` and `failcnt` do not tell: this counter does (v2 memory.events, v1 memory.oom_control).
    """
    for path in OOM_COUNTERS:
        for line in _read(path).splitlines():
            if line.startswith("oom_kill "):
                return int(line.split()[1])
    return 0


def memory_peak() -> int:
    """The most bytes that this control group has used so far (0 where unknown)."""
    return _number(MEMORY_PEAKS) or 0


def cpu_time_of_others_s() -> float:
    """CPU seconds of all other processes of this PID namespace and of those they waited for (proc(5), pid/stat)."""
    pids = {entry for entry in os.listdir("/proc") if entry.isdigit()} - {str(os.getpid())}
    # the name, in brackets, may hold anything; utime, stime, cutime and cstime are the 12th to 15th field after it
    fields = (_read("/proc/%s/stat" % pid).rpartition(")")[2].split() for pid in pids)
    return sum(sum(map(int, one[11:15])) for one in fields) / os.sysconf("SC_CLK_TCK")


def collect() -> Dict[str, Any]:
    """JSON-ready facts about this process."""
    status = dict(line.split(":\t", 1) for line in _read("/proc/self/status").splitlines() if ":\t" in line)
    return {
        "pid": os.getpid(),
        "uid": os.getuid(),
        "capabilities": status.get("CapEff", "").strip(),
        "no_new_privs": status.get("NoNewPrivs", "").strip() == "1",
        "seccomp": int(status.get("Seccomp", "0")),
        "seccomp_filters": int(status["Seccomp_filters"]) if "Seccomp_filters" in status else None,
        "interfaces": [name for _, name in socket.if_nameindex()],
        "root_writable": os.access("/", os.W_OK),
        "memory_limit_bytes": _number(MEMORY_LIMITS),
        "pids_limit": _number(PID_LIMITS),
        "python": ".".join(map(str, sys.version_info[:3])),
    }


def _number(paths: Tuple[str, ...]) -> Optional[int]:
    for path in paths:
        text = _read(path).strip()
        if text.isdigit():
            return int(text)
    return None


def _read(path: str) -> str:
    try:
        with open(path) as file:
            return file.read()
    except OSError:
        return ""
