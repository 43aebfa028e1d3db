"""Read and write MultiPL-E's results: a folder with one `NAME.results.json.gz` for each problem.

A file is {"name", "language", "prompt", "tests", "completions", "results"}, and each of its results {"program",
"exit_code", "status", "stdout", "stderr"}. A program passed if its status is "OK" and its exit code 0 (MultiPL-E's
pass_k.py). Some versions keep prompt, tests and completions in another file, which is not needed.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..data.sample_files import read_unpacked
from ..errors import SamplesError, reason
from ..types import CodeForm, Status
from .foreign import ForeignFile, ForeignRow, TaskIds, take

FORMAT = "multipl-e"
SUFFIXES = (".results.json.gz", ".results.json")
STATUSES = {
    "AssertionError": Status.WRONG_ANSWER,
    "SyntaxError": Status.SYNTAX_ERROR,
    "Timeout": Status.TIMEOUT,
}
"""Statuses beside "OK" that tell why a program failed; the others, such as "Exception", are run-time errors."""
TAGS = {"go_test.go": "go"}
"""Languages that are called otherwise here."""
SHOWN = 2048
"""Characters of a stream that MultiPL-E keeps."""


def read_folder(folder: Path, task_ids: Sequence[str]) -> ForeignFile:
    """Read the answers of a folder of results; `task_ids` are the benchmark's, in order.

    Raises:
        SamplesError: it has no results, a file cannot be read or does not fit, or the files are of several languages.
    """
    paths = list_results(folder)
    ids, rows, languages = TaskIds(task_ids), list[ForeignRow](), dict[str, Path]()
    for path in paths:
        try:
            row = json.loads(read_unpacked(path, "results file"))
        except (ValueError, RecursionError) as error:
            raise SamplesError(f"{path} is not JSON: {reason(error)}") from error
        whole = take(path.name, {"content": row}, "content", Mapping)
        tag = take(path.name, whole, "language", str)
        languages.setdefault(TAGS.get(tag, tag), path)
        rows += _parse_results(path.name, whole, ids)
    if len(languages) > 1:
        named = ", ".join(f"{language} ({path.name})" for language, path in languages.items())
        raise SamplesError(f"{folder} has results in several languages: {named}; import a folder of one")
    if not rows:
        raise SamplesError(f"{folder} holds no answers")
    rows.sort(key=lambda row: task_ids.index(row.task_id))
    return ForeignFile(format=FORMAT, rows=tuple(rows), language=next(iter(languages)))


def list_results(folder: Path) -> list[Path]:
    """List the results files of a folder by name.

    Raises:
        SamplesError: there are none.
    """
    paths = sorted(path for path in folder.iterdir() if path.name.endswith(SUFFIXES))
    if not paths:
        raise SamplesError(f"{folder} has no {SUFFIXES[0].removeprefix('.')} files, which MultiPL-E writes")
    return paths


def pack_results(row: Mapping[str, Any]) -> bytes:
    """Return the content of a results file; equal rows make equal files."""
    return gzip.compress(json.dumps(row).encode(), mtime=0)


def build_result(program: str, status: Status, detail: str) -> dict[str, Any]:
    """Return one of a file's results; streams are not kept here, so `stderr` has what the verdict says."""
    names = {value: name for name, value in STATUSES.items()}
    passed = status is Status.PASSED
    return {
        "program": program,
        "stdout": "",
        "stderr": detail[:SHOWN],
        "exit_code": 0 if passed else -1 if status is Status.TIMEOUT else 1,
        "status": "OK" if passed else names.get(status, "Exception"),
    }


def _parse_results(name: str, row: Mapping[str, Any], ids: TaskIds) -> Iterator[ForeignRow]:
    task_id = ids.find(name, take(name, row, "name", str))
    completions = row.get("completions")
    results = take(name, row, "results", list)
    raws = completions if isinstance(completions, list) and len(completions) == len(results) else [None] * len(results)
    for number, (result, raw) in enumerate(zip(results, raws, strict=True), start=1):
        where = f"{name} result {number}"
        take(name, {f"result {number}": result}, f"result {number}", Mapping)
        status = take(where, result, "status", str)
        failed = STATUSES.get(status, Status.WRONG_ANSWER if status == "OK" else Status.RUNTIME_ERROR)
        code = result.get("exit_code")
        yield ForeignRow(
            task_id=task_id,
            code=take(where, result, "program", str),
            form=CodeForm.PROGRAM,
            raw=raw if isinstance(raw, str) else None,
            status=Status.PASSED if status == "OK" and code == 0 else failed,
            detail=f"{status}, exit code {code}: {result.get('stderr') or result.get('stdout') or ''}",
        )
