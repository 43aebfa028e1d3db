"""Look at this installation: names, data files, sandboxes, configuration."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import UsageError
from .paths import Name, to_path

if TYPE_CHECKING:
    from ..checks.data_files import FileState
    from ..checks.doctor import Check
    from ..checks.verify import Verification
    from ..progress import Progress
    from ..sandboxes.building import Built

KINDS = ("benchmarks", "models", "checkpoints", "recipes", "extractors", "sandboxes")


def list_names(kind: str) -> dict[str, str]:
    """Return the names of one of `KINDS`, each with a line about it.

    Raises:
        UsageError: it is none of them.
    """
    from ..tasks.listing import describe_names

    if kind not in KINDS:
        raise UsageError(f'"{kind}" cannot be listed; choose one of {", ".join(KINDS)}')
    return describe_names(kind)


def check_machine(cluster: str | None = None) -> Iterator[Check]:
    """Return what is installed and usable here or on a cluster, and what to do about each thing that is not."""
    if cluster is not None:
        from ..cluster.doctor import check_cluster

        return check_cluster(cluster)
    from ..checks.doctor import run_checks

    return run_checks()


def verify_sandbox(
    benchmark: str,
    *,
    sandbox: str | None = None,
    trust: str | None = None,
    workers: int | None = None,
    allow_unsafe: bool = False,
    golden: Name | None = None,
    truth: Name | None = None,
    progress: Progress | None = None,
) -> Verification:
    """Check that a sandbox judges rightly: all reference solutions and the canaries.

    `golden` is a samples file whose verdicts `truth` has; they are checked as well.

    Raises:
        HarnessError: unknown name, missing data, no sandbox, or a file of samples that does not fit.
    """
    from ..checks.verify import verify
    from ..types import Trust

    if trust is not None and trust not in list(Trust):
        raise UsageError(f'trust is "{trust}"; it must be one of {", ".join(Trust)}')
    return verify(
        benchmark,
        sandbox=sandbox,
        workers=workers,
        trust=Trust(trust or Trust.SPLIT),
        allow_unsafe=allow_unsafe,
        golden=to_path(golden),
        truth=to_path(truth),
        progress=progress,
    )


def build_sandbox(environment: str, *, only: Iterable[str] = (), tell: Callable[[str], None] | None = None) -> Built:
    """Make what an environment's programs run in; `tell` is given a line per step.

    `only` names languages of the environment "languages": they are added to the image that is there.

    Raises:
        SandboxUnavailable: nothing can be built here, or building failed.
    """
    from ..sandboxes.building import build

    return build(environment, only=tuple(only), report=tell or (lambda _: None))


def data_files(*benchmarks: str, each: Callable[[FileState], None] | None = None) -> list[FileState]:
    """Return each file of the benchmarks (default: all): where it is, and whether it is the official one.

    `each` is given a file's state as soon as it is known.

    Raises:
        UsageError: a name is unknown.
    """
    from ..checks.data_files import check_files

    return _list_states(check_files(benchmarks), each)


def fetch_data(*benchmarks: str, each: Callable[[FileState], None] | None = None) -> list[FileState]:
    """Return what `data_files` does, after downloading what is missing.

    Raises:
        DataError: a file cannot be downloaded.
    """
    from ..checks.data_files import fetch_files

    return _list_states(fetch_files(benchmarks), each)


def _list_states(states: Iterable[FileState], each: Callable[[FileState], None] | None) -> list[FileState]:
    listed = []
    for state in states:
        if each is not None:
            each(state)
        listed.append(state)
    return listed


def export_rows(benchmark: str, out: Name, *, recipe: str = "wizardcoder") -> int:
    """Write a training split as instructions and answers, and return the number of rows.

    Raises:
        UsageError: the benchmark is not for training, or `out` exists.
    """
    from ..finetune.examples import export_examples

    return export_examples(benchmark, Path(out), recipe=recipe)


def config_schema() -> dict[str, Any]:
    """Return the JSON Schema of a run's configuration file."""
    from ..config.schema import build_run_schema

    return build_run_schema()


def config_example() -> str:
    """Return a run's configuration file with every key."""
    from ..config.schema import build_run_example

    return build_run_example()
