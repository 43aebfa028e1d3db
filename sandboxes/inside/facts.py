"""Facts of this process's own confinement, read back rather than believed.

The host compares these with what it asked for and refuses to run programs where a promised limit is
not in force.
"""

import functools
import os
import sys
import time
from typing import Any, Dict, List, Optional, Tuple

LOOK_S = 0.1
"""Between two looks at what costs more to read than a clock."""

OOM_COUNTERS = ("/sys/fs/cgroup/memory.events", "/sys/fs/cgroup/memory/memory.oom_control")
MEMORY_PEAKS = ("/sys/fs/cgroup/memory.peak", "/sys/fs/cgroup/memory/memory.max_usage_in_bytes")
MEMORY_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")
CPU_TIMES = ("/sys/fs/cgroup/cpuacct/cpuacct.usage", "/sys/fs/cgroup/cpu,cpuacct/cpuacct.usage")
CPU_STATISTICS = "/sys/fs/cgroup/cpu.stat"
VERSIONS = "/opt/languages/versions"
"""A package and its version a line, where the image is that of the languages."""
PID_LIMITS = ("/sys/fs/cgroup/pids.max", "/sys/fs/cgroup/pids/pids.max")


def oom_kills() -> int:
    """Return how many processes of this control group the kernel has killed for memory (0 if unknown).

    `State.OOMKilled` and `failcnt` do not tell: this counter does (v2 memory.events, v1 memory.oom_control).
    """
    for path in OOM_COUNTERS:
        for line in _read_counter(path).splitlines():
            if line.startswith("oom_kill "):
                return int(line.split()[1])
    return 0


def memory_peak() -> int:
    """Return the most bytes that this control group has used so far (0 if unknown)."""
    return _number(MEMORY_PEAKS) or 0


class Others:
    """Costs of a program beside its first process's own clock: all it started, and its waits for a CPU.

    The control group's counter tells the CPU time where it can be read and holds this worker alone (in a container);
    elsewhere the processes of the worker's own PID namespace are added up, each as it was when it was last seen, so
    that one that lives between two looks alone is missed.
    """

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._seen: Dict[Tuple[str, str], int] = {}
        self._own_s = time.process_time()
        self._group_s = _group_cpu_s()
        self._looked_at = self._waited_at = 0.0
        self._cpu_s = self._waited_s = 0.0

    def cpu_s(self, now: float) -> float:
        """Return the CPU seconds of all processes of the program, as of the last tenth of a second."""
        if now - self._looked_at >= LOOK_S:
            self._looked_at = now
            self._cpu_s = self.total_cpu_s()
        return self._cpu_s

    def total_cpu_s(self) -> float:
        """Return the CPU seconds of all processes of the program, now."""
        if os.getpid() != 1:
            return 0.0
        if self._group_s is not None:
            return (_group_cpu_s() or 0.0) - self._group_s - (time.process_time() - self._own_s)
        return self._sum_of_processes_s()

    def waited_s(self, now: float) -> float:
        """Return the seconds for which a thread of the program's first process could run and had no CPU.

        Source: proc(5), schedstat, second field; the most that any thread waited. 0 where the kernel does not tell.
        """
        if now - self._waited_at >= LOOK_S:
            self._waited_at = now
            folder = "/proc/%d/task" % self._pid
            waits = [_read("%s/%s/schedstat" % (folder, thread)).split() for thread in _list(folder)]
            self._waited_s = max((int(fields[1]) / 1e9 for fields in waits if len(fields) > 1), default=0.0)
        return self._waited_s

    def _sum_of_processes_s(self) -> float:
        """Return the larger of two counts, neither of which counts anything twice.

        One is of all processes ever seen; the other of those that live, with those they waited for.
        """
        living = 0
        for pid in _list("/proc"):
            if not pid.isdigit() or pid == "1":
                continue
            # the name, in brackets, may hold anything; the times are fields 12 to 15 after it, the start 20
            fields = _read("/proc/%s/stat" % pid).rpartition(")")[2].split()
            if len(fields) > 19:
                living += sum(map(int, fields[11:15]))
                self._seen[pid, fields[19]] = sum(map(int, fields[11:13]))
        return max(living, sum(self._seen.values())) / os.sysconf("SC_CLK_TCK")


def interfaces() -> List[str]:
    """List the network interfaces of this process. A filter may refuse the sockets that if_nameindex(3) needs."""
    return [line.split(":")[0].strip() for line in _read("/proc/net/dev").splitlines()[2:]]


def collect() -> Dict[str, Any]:
    """Return JSON-ready facts about this process."""
    status = dict(line.split(":\t", 1) for line in _read("/proc/self/status").splitlines() if ":\t" in line)
    return {
        "pid": os.getpid(),
        "uid": os.getuid(),
        "capabilities": status.get("CapEff", "").strip(),
        "no_new_privs": status.get("NoNewPrivs", "").strip() == "1",
        "seccomp": int(status.get("Seccomp", "0")),
        "seccomp_filters": int(status["Seccomp_filters"]) if "Seccomp_filters" in status else None,
        "interfaces": interfaces(),
        "root_writable": os.access("/", os.W_OK),
        "memory_limit_bytes": _number(MEMORY_LIMITS),
        "pids_limit": _number(PID_LIMITS),
        "python": ".".join(map(str, sys.version_info[:3])),
        "versions": dict(line.split(" ", 1) for line in _read(VERSIONS).splitlines()),
    }


def _group_cpu_s() -> Optional[float]:
    """Return the CPU seconds of this control group; None where it cannot be read or is not the worker's own."""
    if _number(MEMORY_LIMITS) is None:  # the process sandbox: the group, if any, is the harness's
        return None
    nanoseconds = _number(CPU_TIMES)
    if nanoseconds is not None:
        return nanoseconds / 1e9
    for line in _read_counter(CPU_STATISTICS).splitlines():
        if line.startswith("usage_usec "):
            return int(line.split()[1]) / 1e6
    return None


def _list(path: str) -> List[str]:
    try:
        return os.listdir(path)
    except OSError:
        return []


def _number(paths: Tuple[str, ...]) -> Optional[int]:
    for path in paths:
        text = _read_counter(path).strip()
        if text.isdigit():
            return int(text)
    return None


def _read_counter(path: str) -> str:
    """Return what a file of the control group holds now; "" where it cannot be read.

    It stays open: these are read several times for each program, and opening costs more than reading.
    """
    descriptor = _open_counter(path)
    try:
        return "" if descriptor is None else os.pread(descriptor, 4096, 0).decode("ascii", "replace")
    except OSError:
        return ""


@functools.lru_cache(maxsize=None)
def _open_counter(path: str) -> Optional[int]:
    try:
        return os.open(path, os.O_RDONLY)
    except OSError:
        return None


def _read(path: str) -> str:
    try:
        with open(path) as file:
            return file.read()
    except OSError:
        return ""
