"""What users get wrong ends in one line that says what, which value and what to do; never in a traceback."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bad_inputs import CASES, Bad, outcome, write_files


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files that the commands name."""
    made = tmp_path_factory.mktemp("bad")
    write_files(made)
    return made


@pytest.mark.parametrize("case", CASES, ids=[case.command for case in CASES])
def test_a_wrong_use_is_one_line(case: Bad, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit code 2 where the user, 3 where the machine has to change something; a wrong use leaves nothing behind."""
    monkeypatch.chdir(folder)
    before = sorted(folder.rglob("*"))
    code, told = outcome(case)

    *others, last = told.splitlines()
    assert last.startswith("error: "), told
    assert case.message in last
    assert code == case.code
    assert not [line for line in others if line.startswith(("Traceback", "error:", " "))], told
    assert len(last) < 400, "longer than anyone reads"
    if not case.begun:
        assert sorted(folder.rglob("*")) == before


def test_no_case_is_content_with_an_echo() -> None:
    """A message that only repeats what was typed would pass whatever it says of it."""
    assert not [case.command for case in CASES if case.message in case.command]
