"""MultiPL-E's results folders: out and back with the same verdicts and programs, and what is refused."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from harness.exchange import export_run, import_results
from harness.store import read_samples, read_verdicts
from harness.tasks.suite import load_suite
from harness.types import CodeForm, Status
from tests.commands import harness, one_line_error
from tests.runs import write_run

pytestmark = pytest.mark.data

STATUSES = [Status.PASSED, Status.WRONG_ANSWER, Status.TIMEOUT, Status.RUNTIME_ERROR, Status.SYNTAX_ERROR]
STRLEN = "HumanEval_23_strlen"


def bash_run(path: Path, problems: int = 3) -> Path:
    """A run of the first problems in Bash, whose samples have a status each; the code is the length of a text."""
    suite = load_suite("multipl-e-sh")
    found = dict.fromkeys(list(suite.problems)[:problems], STATUSES)
    return write_run(
        path, found, benchmark=suite.name, data_digest=suite.data_digest, temperature=0.2, code="    echo ${{#1}}\n"
    )


def results(name: str = STRLEN, language: str = "sh", **result: Any) -> dict[str, Any]:
    """One file's content, as versions write it that keep the prompts elsewhere."""
    made = {"program": "true\n", "status": "OK", "exit_code": 0, "stdout": "", "stderr": "", **result}
    return {"name": name, "language": language, "results": [made]}


def write_results(folder: Path, *rows: dict[str, Any]) -> Path:
    folder.mkdir()
    for number, row in enumerate(rows):
        (folder / f"{number}.results.json.gz").write_bytes(gzip.compress(json.dumps(row).encode()))
    return folder


def test_verdicts_and_programs_survive_the_round_trip(tmp_path: Path) -> None:
    """A file for each problem, whose programs hold their tests."""
    run = bash_run(tmp_path / "run")
    folder = tmp_path / "folder"

    assert export_run(run, to="multipl-e", out=folder) == 3 * len(STATUSES)
    import_results(folder, benchmark="multipl-e-sh", out=tmp_path / "back")

    row = json.loads(gzip.decompress((folder / f"{STRLEN}.results.json.gz").read_bytes()))
    assert list(row) == ["name", "language", "prompt", "tests", "temperature", "completions", "results"]
    assert [(one["status"], one["exit_code"]) for one in row["results"]][:3] == [
        ("OK", 0),
        ("AssertionError", 1),
        ("Timeout", -1),
    ]
    assert row["results"][0]["program"] == f"{row['prompt']}{row['completions'][0]}\n{row['tests']}"
    before, after = (read_verdicts(path) for path in (run, tmp_path / "back"))
    assert {key: verdict.status for key, verdict in after.items()} == {
        key: verdict.status for key, verdict in before.items()
    }
    back = read_samples(tmp_path / "back")["multipl-e-sh", STRLEN, 0]
    assert (back.form, back.code) == (CodeForm.PROGRAM, row["results"][0]["program"])
    assert json.loads((tmp_path / "back" / "run.json").read_text())["imported"]["verdicts"] == "multipl-e"


def test_programs_are_judged_again(tmp_path: Path) -> None:
    """As they ran: the tests are in them."""
    export_run(bash_run(tmp_path / "run", problems=1), to="multipl-e", out=tmp_path / "folder")

    import_results(tmp_path / "folder", benchmark="multipl-e-sh", out=tmp_path / "back", judge=True, sandbox="process")

    assert {verdict.status for verdict in read_verdicts(tmp_path / "back").values()} == {Status.PASSED}


@pytest.mark.parametrize(
    ("result", "status"),
    [
        ({"status": "OK", "exit_code": 1}, Status.WRONG_ANSWER),
        ({"status": "ReferenceError", "exit_code": 1}, Status.RUNTIME_ERROR),
        ({"status": "Exception", "exit_code": 0}, Status.RUNTIME_ERROR),
    ],
)
def test_a_program_passed_by_status_and_exit_code(tmp_path: Path, result: dict[str, Any], status: Status) -> None:
    """Both count, as in MultiPL-E's pass_k.py."""
    folder = write_results(tmp_path / "folder", results(**result))

    import_results(folder, benchmark="multipl-e-sh", out=tmp_path / "back")

    assert [verdict.status for verdict in read_verdicts(tmp_path / "back").values()] == [status]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([], "has no results.json.gz files"),
        ([results(language="js")], 'has programs in "js", and multipl-e-sh is in "sh"'),
        ([results(), results(language="js")], "in several languages"),
        ([results(name="HumanEval_999_none")], "HumanEval_999_none"),
        ([results(program=1)], '"program" must be a string'),
        ([{"name": STRLEN, "language": "sh"}], 'no field "results"'),
    ],
)
def test_what_does_not_fit_is_one_line(tmp_path: Path, rows: list[dict[str, Any]], message: str) -> None:
    """Which names the file or the folder; nothing is made."""
    folder = write_results(tmp_path / "folder", *rows)

    done = harness("import", folder, "-b", "multipl-e-sh", "--out", tmp_path / "back")

    assert done.returncode == 2
    assert message in one_line_error(done)
    assert not (tmp_path / "back").exists()


def test_a_file_that_is_damaged_is_named(tmp_path: Path) -> None:
    """A gz file that was cut off."""
    folder = write_results(tmp_path / "folder", results())
    file = folder / "0.results.json.gz"
    file.write_bytes(file.read_bytes()[:-20])

    assert "0.results.json.gz" in one_line_error(harness("import", folder, "-b", "multipl-e-sh"))


def test_programs_in_python_are_no_results_of_multipl_e(tmp_path: Path) -> None:
    """Their tests do not follow them."""
    suite = load_suite("humaneval")
    run = write_run(tmp_path / "run", {"HumanEval/0": [Status.PASSED]}, data_digest=suite.data_digest)

    done = harness("export", run, tmp_path / "folder", "--format", "multipl-e")

    assert done.returncode == 2
    assert "humaneval" in one_line_error(done)
    assert not (tmp_path / "folder").exists()
