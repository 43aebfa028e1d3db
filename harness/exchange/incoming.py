"""Import another harness's results as a run folder, which can be compared, gated and reported like any other.

Verdicts are kept and marked as imported; answers without one are judged here. A file with some of the problems makes a
run of these.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from .. import report
from ..errors import SamplesError, StoreError, UsageError
from ..evaluation.backend import LocalBackend
from ..evaluation.plans import choose_default_folder
from ..evaluation.session import SandboxOptions, Session, evaluate, start_sandbox
from ..optional import get_language
from ..progress import Progress, Quiet
from ..sandboxes.judges import kind_of
from ..store import MANIFEST, RunFolder
from ..store.provenance import StageTimer
from ..tasks.suite import Suite, load_suite
from ..types import Completion, Sample, Status, Trust, Verdict
from .foreign import ForeignFile, ForeignRow, read
from .multipl_e import list_results, read_folder


def import_results(
    path: Path,
    *,
    benchmark: str,
    out: Path | None = None,
    judge: bool = False,
    filter: str | None = None,
    sandbox: str | None = None,
    command: Sequence[str] = (),
    progress: Progress | None = None,
) -> report.Summary:
    """Import the results `path`, a file or MultiPL-E's folder, as a run folder.

    `judge` ignores its verdicts and judges again. `filter` is the filter of lm-eval whose answers are imported.

    Raises:
        SamplesError: the results do not fit; see `foreign.read` and `multipl_e.read_folder`.
        UsageError: the file has no such filter.
        StoreError: `out` holds a run already.
    """
    suite = load_suite(benchmark)
    found = _read_results(path, suite, filter)
    has_base = _has_base(suite)
    statuses = [None if judge else _select_status(row, has_base) for row in found.rows]
    kept = len(statuses) - statuses.count(None)
    judged_by = found.format
    if kept < len(statuses):
        judged_by = LocalBackend().select_sandbox(sandbox, environment=suite.benchmark.environment)
    identity = _build_identity(path, found, suite, judged_by)
    folder_path = out or choose_default_folder(path.name.partition(".")[0], identity)
    if (folder_path / MANIFEST).exists():
        raise StoreError(f"{folder_path} holds a run already; choose another --out")
    with RunFolder(folder_path, identity) as folder, progress or Quiet() as shown:
        with Session(folder, shown, command, StageTimer()) as session:
            if kept < len(statuses) and not judge:
                shown.note(f"answers without a verdict for {suite.name}, judged here: {len(statuses) - kept}")
            _describe_file(folder, path, found, suite, kept=kept)
            for sample, verdict in _build_records(suite, found, statuses, has_base):
                folder.append_sample(sample)
                if verdict is not None:
                    folder.append_verdict(verdict)
            if pending := folder.list_pending(suite.name):
                options = SandboxOptions()
                with start_sandbox(session, suite, judged_by, options) as workers:
                    evaluate(session, suite, workers, iter(()), options=options, total=len(pending))
        return report.write(folder_path)


def _read_results(path: Path, suite: Suite, filter_name: str | None) -> ForeignFile:
    """Read a file or a folder; refuse programs of another language than the benchmark's."""
    if not path.is_dir():
        return read(path, list(suite.problems), filter_name)
    if filter_name is not None:
        raise UsageError(f'--filter "{filter_name}" is for files of lm-eval, and {path} is a folder')
    found = read_folder(path, list(suite.problems))
    if found.language != (own := get_language(suite.benchmark)):
        raise SamplesError(f'{path} has programs in "{found.language}", and {suite.name} is in "{own}"')
    return found


def _digest_results(path: Path) -> str:
    digest = hashlib.sha256()
    for file in list_results(path) if path.is_dir() else [path]:
        digest.update(file.read_bytes())
    return f"sha256:{digest.hexdigest()}"


def _describe_file(folder: RunFolder, path: Path, found: ForeignFile, suite: Suite, *, kept: int) -> None:
    """Record the file's problems, its samples per problem, and whose the verdicts are; `kept` of them are its own."""
    counts = Counter(row.task_id for row in found.rows)
    least, most = min(counts.values()), max(counts.values())
    own = replace(suite, problems={name: problem for name, problem in suite.problems.items() if name in counts})
    folder.update_manifest(
        config={"samples": str(path), "benchmark": suite.name, "n": least, "k": []},
        benchmarks={suite.name: suite.describe_data()},
        tasks={suite.name: list(own.problems)},
        slices={suite.name: own.group_problems()},
        entry_points={suite.name: own.find_entry_points()},
        imported={
            "format": found.format,
            "verdicts": found.format if kept else folder.manifest["identity"]["sandbox"],
            **({"filter": found.filter} if found.filter else {}),
            **({"samples_per_problem": [least, most]} if least < most else {}),
            **({"judged_here": len(found.rows) - kept} if 0 < kept < len(found.rows) else {}),
        },
    )


def _build_records(
    suite: Suite, found: ForeignFile, statuses: Sequence[Status | None], has_base: bool
) -> Iterator[tuple[Sample, Verdict | None]]:
    drawn: Counter[str] = Counter()
    for row, status in zip(found.rows, statuses, strict=True):
        index = drawn[row.task_id]
        drawn[row.task_id] += 1
        completion = Completion(text=row.raw if row.raw is not None else row.code)
        sample = suite.attach_code(row.task_id, index, completion, row.code, row.form)
        verdict = None
        if status is not None:
            verdict = Verdict(
                benchmark=suite.name,
                task_id=row.task_id,
                index=index,
                status=status,
                detail="" if status is Status.PASSED else row.detail,
                trust=Trust.IN_PROCESS,
                base_status=row.base_status if has_base else None,
            )
        yield sample, verdict


def _select_status(row: ForeignRow, has_base: bool) -> Status | None:
    """Return the verdict of a row; a benchmark without an extended part takes the base verdict of an EvalPlus file."""
    return row.status if has_base or row.base_status is None else row.base_status


def _has_base(suite: Suite) -> bool:
    judge = suite.benchmark.judge(next(iter(suite.problems.values())))
    return kind_of(judge).has_base(judge)


def _build_identity(path: Path, found: ForeignFile, suite: Suite, judged_by: str) -> dict[str, Any]:
    return {
        "kind": "import",
        "format": found.format,
        "samples": _digest_results(path),
        "benchmarks": {suite.name: suite.describe_data()},
        "extraction": {suite.name: None},
        "sandbox": judged_by,
    }
