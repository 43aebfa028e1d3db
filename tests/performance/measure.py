"""Wall and CPU seconds of whole commands, and how two of them compare."""

from __future__ import annotations

import os
import statistics
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """Of one command: `cpu_s` is the whole machine's, for containers are no children of the command."""

    wall_s: float
    cpu_s: float


def cost_of(command: Sequence[str], environment: Mapping[str, str] | None = None) -> Cost:
    """Run `command` to its end.

    Raises:
        RuntimeError: it fails; with the end of what it wrote.
    """
    busy, start = machine_cpu_s(), time.monotonic()
    done = subprocess.run(
        command, env={**os.environ, **(environment or {})}, capture_output=True, text=True, check=False
    )
    wall_s, cpu_s = time.monotonic() - start, machine_cpu_s() - busy
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)} exited with {done.returncode}: {done.stderr[-1000:]}")
    return Cost(wall_s=wall_s, cpu_s=cpu_s)


def machine_cpu_s() -> float:
    """CPU seconds that all processes of this machine have used since it started (proc(5), /proc/stat)."""
    user, nice, system, _idle, _wait, irq, softirq, *_ = Path("/proc/stat").read_text().split("\n")[0].split()[1:]
    return sum(map(int, (user, nice, system, irq, softirq))) / TICKS


def compare(name: str, ours: Callable[[], Cost], theirs: Callable[[], Cost], rounds: int, *, warm: bool = True) -> None:
    """Run both in turn, once unmeasured where `warm`, and print the medians and their ratios."""
    if warm:
        ours(), theirs()
    pairs = [(ours(), theirs()) for _ in range(rounds)]
    wall = [statistics.median(cost.wall_s for cost in side) for side in zip(*pairs, strict=True)]
    cpu = [statistics.median(cost.cpu_s for cost in side) for side in zip(*pairs, strict=True)]
    print(
        f"{name:<34} ours {wall[0]:7.2f} s wall {cpu[0]:7.2f} s CPU   peer {wall[1]:7.2f} s wall {cpu[1]:7.2f} s CPU"
        f"   ratio {wall[1] / wall[0]:5.2f} wall {cpu[1] / cpu[0]:5.2f} CPU",
        flush=True,
    )
