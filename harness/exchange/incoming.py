"""Import another harness's results as a run folder, which can be compared, gated and reported like any other.

Verdicts are kept and marked as imported; answers without one are judged here.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .. import report
from ..errors import StoreError
from ..evaluation.backend import LocalBackend
from ..evaluation.plans import choose_default_folder
from ..evaluation.session import SandboxOptions, Session, evaluate, start_sandbox
from ..progress import Progress, Quiet
from ..sandboxes.judges import kind_of
from ..store import MANIFEST, RunFolder
from ..store.provenance import StageTimer
from ..tasks.suite import Suite, load_suite
from ..types import Completion, Status, Trust, Verdict
from .foreign import ForeignFile, ForeignRow, read


def import_results(
    path: Path,
    *,
    benchmark: str,
    out: Path | None = None,
    judge: bool = False,
    sandbox: str | None = None,
    command: Sequence[str] = (),
    progress: Progress | None = None,
) -> report.Summary:
    """Import the results file `path` as a run folder; `judge` ignores its verdicts and judges again.

    Raises:
        SamplesError: the file does not fit; see `foreign.read`.
        StoreError: `out` holds a run already.
    """
    suite = load_suite(benchmark)
    found = read(path, list(suite.problems))
    here = judge or any(row.status is None for row in found.rows)
    judged_by = (
        LocalBackend().select_sandbox(sandbox, environment=suite.benchmark.environment) if here else found.format
    )
    identity = _build_identity(path, found, suite, judged_by)
    folder_path = out or choose_default_folder(path.name.partition(".")[0], identity)
    if (folder_path / MANIFEST).exists():
        raise StoreError(f"{folder_path} holds a run already; choose another --out")
    with RunFolder(folder_path, identity) as folder, progress or Quiet() as shown:
        with Session(folder, shown, command, StageTimer()) as session:
            n = max(Counter(row.task_id for row in found.rows).values())
            folder.update_manifest(
                config={"samples": str(path), "benchmark": benchmark, "n": n, "k": []},
                benchmarks={suite.name: suite.describe_data()},
                tasks={suite.name: list(suite.problems)},
                slices={suite.name: suite.group_problems()},
                entry_points={suite.name: suite.find_entry_points()},
                imported={"format": found.format, "verdicts": judged_by},
            )
            _keep_rows(folder, suite, found, with_verdicts=not judge)
            if pending := folder.list_pending(suite.name):
                options = SandboxOptions()
                with start_sandbox(session, suite, judged_by, options) as workers:
                    evaluate(session, suite, workers, iter(()), options=options, total=len(pending))
        return report.write(folder_path)


def _keep_rows(folder: RunFolder, suite: Suite, found: ForeignFile, *, with_verdicts: bool) -> None:
    drawn: Counter[str] = Counter()
    has_base = _has_base(suite)
    for row in found.rows:
        index = drawn[row.task_id]
        drawn[row.task_id] += 1
        completion = Completion(text=row.raw if row.raw is not None else row.code)
        folder.append_sample(suite.attach_code(row.task_id, index, completion, row.code, row.form))
        if with_verdicts and row.status is not None:
            folder.append_verdict(_build_verdict(suite.name, row, index, has_base))


def _build_verdict(benchmark: str, row: ForeignRow, index: int, has_base: bool) -> Verdict:
    assert row.status is not None
    # A benchmark without an extended part takes the base verdict of an EvalPlus file.
    status = row.status if has_base or row.base_status is None else row.base_status
    return Verdict(
        benchmark=benchmark,
        task_id=row.task_id,
        index=index,
        status=status,
        detail="" if status is Status.PASSED else row.detail,
        trust=Trust.IN_PROCESS,
        base_status=row.base_status if has_base else None,
    )


def _has_base(suite: Suite) -> bool:
    judge = suite.benchmark.judge(next(iter(suite.problems.values())))
    return kind_of(judge).has_base(judge)


def _build_identity(path: Path, found: ForeignFile, suite: Suite, judged_by: str) -> dict[str, Any]:
    return {
        "kind": "import",
        "format": found.format,
        "samples": f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}",
        "benchmarks": {suite.name: suite.describe_data()},
        "extraction": {suite.name: None},
        "sandbox": judged_by,
    }
