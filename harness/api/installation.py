"""Look at this installation: names, data files, sandboxes, configuration."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .paths import Name

if TYPE_CHECKING:
    from ..checks.data_files import FileState
    from ..checks.doctor import Check
    from ..checks.verify import Verification
    from ..progress import Progress
    from ..sandboxes.building import Built


def list_names(kind: str) -> dict[str, str]:
    """The names of "benchmarks", "models", "checkpoints", "recipes" or "sandboxes", each with a line about it."""
    from ..tasks.listing import describe_names

    return describe_names(kind)


def check_machine() -> Iterator[Check]:
    """Return what is installed and usable, and what to do about each thing that is not."""
    from ..checks.doctor import run_checks

    return run_checks()


def verify_sandbox(benchmark: str, *, sandbox: str | None = None, progress: Progress | None = None) -> Verification:
    """Check that a sandbox judges rightly: all reference solutions and the canaries.

    Raises:
        HarnessError: unknown name, missing data, or no sandbox.
    """
    from ..checks.verify import verify

    return verify(benchmark, sandbox=sandbox, progress=progress)


def build_sandbox(environment: str) -> Built:
    """Make what an environment's programs run in.

    Raises:
        SandboxUnavailable: nothing can be built here, or building failed.
    """
    from ..sandboxes.building import build

    return build(environment, report=lambda _: None)


def data_files(*benchmarks: str) -> list[FileState]:
    """Each file of the benchmarks (default: all): where it is, and whether it is the official one.

    Raises:
        UsageError: a name is unknown.
    """
    from ..checks.data_files import check_files

    return list(check_files(benchmarks))


def fetch_data(*benchmarks: str) -> list[FileState]:
    """Return what `data_files` does, after downloading what is missing.

    Raises:
        DataError: a file cannot be downloaded.
    """
    from ..checks.data_files import fetch_files

    return list(fetch_files(benchmarks))


def export_rows(benchmark: str, out: Name, *, recipe: str = "wizardcoder") -> int:
    """Write a training split as instructions and answers; the number of rows.

    Raises:
        UsageError: the benchmark is not for training, or `out` exists.
    """
    from ..finetune.examples import export_examples

    return export_examples(benchmark, Path(out), recipe=recipe)


def config_schema() -> dict[str, Any]:
    """The JSON Schema of a run's configuration file."""
    from ..config.schema import run_schema

    return run_schema()


def config_example() -> str:
    """A run's configuration file with every key."""
    from ..config.schema import run_example

    return run_example()
